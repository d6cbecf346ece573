//! Distinguishes markup from text that looks like it, such as the placeholder in `Revenue per
//! <product>`. A `<` that does not begin a tag of a known HTML element is escaped before
//! `rich_text` sanitises the text: the sanitiser would remove it with its name or, if SVG or
//! `MathML` has an element of that name, with everything after it. Escaping is always safe, because
//! escaped text is inert; the rest still goes through the sanitiser.

use std::borrow::Cow;

/// Elements whose tags are always markup (HTML Living Standard, sections 4 and 16.2). Those whose
/// names are common words of a definition are in [`PAIRED`].
const KNOWN: &str = " \
    a abbr acronym address applet article aside audio b base basefont bdi bdo big blockquote \
    body br button canvas caption center cite code col colgroup dd del details dfn dialog dir \
    div dl dt em embed fieldset figcaption figure font footer foreignobject form frame \
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd li link \
    marquee meta mglyph nav noembed noframes noscript ol p plaintext pre script span strong \
    style table tbody td textarea tfoot th thead tr u ul video xmp ";

/// Elements whose tags are markup only if the text has both an opening and a closing one: their
/// names are also words, or they are removed with their content, which must not be the rest of a
/// sentence.
const PAIRED: &str = " \
    annotation-xml area data datalist label legend main map mark math menu meter mi mn mo ms \
    mtext nobr object optgroup option output param picture progress q rp rt ruby s samp search \
    section select slot small source strike sub summary sup svg template time title track tt \
    var wbr ";

/// Escapes every `<` that does not begin markup.
pub(super) fn escape_placeholders(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let lower = text.to_ascii_lowercase();
    let mut escaped = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices('<') {
        if lower.get(at..).is_some_and(|from| begins_markup(from, &lower)) {
            continue;
        }
        escaped.push_str(text.get(rest..at).unwrap_or_default());
        escaped.push_str("&lt;");
        rest = at + 1;
    }
    escaped.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(escaped)
}

/// Whether `from`, which starts with `<`, begins markup; `whole` is the whole text. Both are in
/// lower case.
fn begins_markup(from: &str, whole: &str) -> bool {
    let inner = from.get(1..).unwrap_or_default();
    if let Some(comment) = inner.strip_prefix("!--") {
        return comment.contains("-->");
    }
    if inner.starts_with("!doctype") || inner.starts_with("![cdata[") || inner.starts_with("?xml") {
        return inner.contains('>');
    }
    // A tag's name ends where the HTML tokenizer ends it (13.2.5.8).
    let tag = inner.strip_prefix('/').unwrap_or(inner);
    let Some((name, _)) = tag.split_once(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>')
    else {
        return false;
    };
    if name.is_empty()
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        || !tag.contains('>')
    {
        return false;
    }
    let listed = |list: &str| list.contains(&format!(" {name} "));
    let paired = || whole.contains(&format!("<{name}")) && whole.contains(&format!("</{name}"));
    listed(KNOWN) || (listed(PAIRED) && paired())
}

#[cfg(test)]
mod tests;
