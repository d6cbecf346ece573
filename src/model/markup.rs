//! Distinguishes markup from text that looks like it, such as the placeholder in `Revenue per
//! <product>`. A `<` that does not begin a tag of a known HTML element is escaped before
//! `rich_text` sanitises the text: the sanitiser would remove it with its name or, if SVG or
//! `MathML` has an element of that name, with everything after it. Escaping is always safe, because
//! escaped text is inert; the rest still goes through the sanitiser.

use std::borrow::Cow;

/// Elements whose tags are always markup (HTML Living Standard, sections 4 and 16.2). Those whose
/// names are common words of a definition are in [`PAIRED`].
const KNOWN: &str = " \
    a abbr acronym address applet article aside b base basefont bdi bdo big blockquote \
    body br button canvas caption center cite code col colgroup dd del details dfn dialog dir \
    div dl dt em embed fieldset figcaption figure font footer foreignobject form frame \
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd li link \
    marquee meta mglyph nav noembed noframes noscript ol p plaintext pre script span strong \
    style table tbody td tfoot th thead tr u ul xmp ";

/// Elements whose tags are markup only if the text has both an opening and a closing one: their
/// names are also words, or they are removed with their content, which must not be the rest of a
/// sentence.
const PAIRED: &str = " \
    annotation-xml area audio data datalist label legend main map mark math menu meter mi mn mo ms \
    mtext nobr object optgroup option output param picture progress q rp rt ruby s samp search \
    section select slot small source strike sub summary sup svg template textarea time title \
    track tt var video wbr ";

/// Whether the tags of an element with this name may be markup.
pub(super) fn is_element_name(name: &str) -> bool {
    is_listed(KNOWN, name) || is_listed(PAIRED, name)
}

fn is_listed(list: &str, name: &str) -> bool {
    list.contains(&format!(" {name} "))
}

/// Escapes every `<` that does not begin markup.
pub(super) fn escape_placeholders(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let lower = text.to_ascii_lowercase();
    let mut escaped = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices('<') {
        let (before, from) = lower.split_at_checked(at).unwrap_or_default();
        if begins_markup(before, from) {
            continue;
        }
        escaped.push_str(text.get(rest..at).unwrap_or_default());
        escaped.push_str("&lt;");
        rest = at + 1;
    }
    escaped.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(escaped)
}

/// Whether `from`, which starts with `<`, begins markup; `before` is the text before it. Both are
/// in lower case.
fn begins_markup(before: &str, from: &str) -> bool {
    let inner = from.get(1..).unwrap_or_default();
    if let Some(comment) = inner.strip_prefix("!--") {
        return comment.contains("-->");
    }
    if inner.starts_with("!doctype") || inner.starts_with("![cdata[") || inner.starts_with("?xml") {
        return inner.contains('>');
    }
    let (is_end, tag) = inner.strip_prefix('/').map_or((false, inner), |tag| (true, tag));
    let name = tag_name(tag);
    if !tag.contains('>') {
        return false;
    }
    is_listed(KNOWN, name)
        || is_listed(PAIRED, name)
            && if is_end { has_tag(before, "<", name) } else { has_tag(inner, "</", name) }
}

/// Whether a text has a tag with this name; `opening` is `<` or `</`.
fn has_tag(text: &str, opening: &str, name: &str) -> bool {
    let names = text.match_indices(opening).filter_map(|(at, _)| text.get(at + opening.len()..));
    names.map(tag_name).any(|found| found == name)
}

/// Returns the name with which a tag begins, up to where the HTML tokenizer ends it (13.2.5.8);
/// empty if the tag does not end.
fn tag_name(tag: &str) -> &str {
    tag.split_once(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>')
        .map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests;
