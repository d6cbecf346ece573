//! Distinguishes markup from text that looks like it, such as the placeholder in `Revenue per
//! <product>`. A `<` that does not begin a tag of a known HTML element is escaped before
//! `rich_text` sanitises the text: the sanitiser would remove it with its name or, if SVG or
//! `MathML` has an element of that name, with everything after it. Escaping is always safe, because
//! escaped text is inert; the rest still goes through the sanitiser.

use std::borrow::Cow;
use std::collections::HashMap;

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

/// Longest name of an element in the lists.
const MAX_NAME: usize = 14;

/// Escapes every `<` that does not begin markup. Takes time in proportion to the text, because
/// anyone may send it.
pub(super) fn escape_placeholders(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let lower = text.to_ascii_lowercase();
    let tags = TagPositions::find(&lower);
    let mut escaped = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices('<') {
        if tags.begin_markup_at(&lower, at) {
            continue;
        }
        escaped.push_str(text.get(rest..at).unwrap_or_default());
        escaped.push_str("&lt;");
        rest = at + 1;
    }
    escaped.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(escaped)
}

/// Where the tags of a text are, found in one pass.
#[derive(Default)]
struct TagPositions<'a> {
    /// Position of the first opening tag of each name.
    first_opening: HashMap<&'a str, usize>,
    /// Position of the last closing tag of each name.
    last_closing: HashMap<&'a str, usize>,
    /// Position of the last `>`.
    last_end: Option<usize>,
    /// Position of the last end of a comment.
    last_comment_end: Option<usize>,
}

impl<'a> TagPositions<'a> {
    /// Finds the tags of a text in lower case.
    fn find(lower: &'a str) -> Self {
        let mut found = Self {
            last_end: lower.rfind('>'),
            last_comment_end: lower.rfind("-->"),
            ..Self::default()
        };
        for (at, _) in lower.match_indices('<') {
            let inner = lower.get(at + 1..).unwrap_or_default();
            if let Some(tag) = inner.strip_prefix('/') {
                found.last_closing.insert(tag_name(tag), at);
            } else {
                found.first_opening.entry(tag_name(inner)).or_insert(at);
            }
        }
        found
    }

    /// Whether the `<` at this position begins markup.
    fn begin_markup_at(&self, lower: &str, at: usize) -> bool {
        let inner = lower.get(at + 1..).unwrap_or_default();
        if inner.starts_with("!--") {
            // The shortest comment is `<!---->`.
            return self.last_comment_end.is_some_and(|end| end >= at + 4);
        }
        if self.last_end.is_none_or(|end| end < at) {
            return false;
        }
        let declarations = ["!doctype", "![cdata[", "?xml"];
        if declarations.iter().any(|declaration| inner.starts_with(declaration)) {
            return true;
        }
        let is_pair = |name: &str, is_end: bool| {
            if is_end {
                self.first_opening.get(name).is_some_and(|opening| *opening < at)
            } else {
                self.last_closing.get(name).is_some_and(|closing| *closing > at)
            }
        };
        let (is_end, tag) = inner.strip_prefix('/').map_or((false, inner), |tag| (true, tag));
        let name = tag_name(tag);
        is_listed(KNOWN, name) || is_listed(PAIRED, name) && is_pair(name, is_end)
    }
}

/// Returns the name with which a tag begins, up to where the HTML tokenizer ends it (13.2.5.8);
/// empty if it does not end, or is longer than that of any element.
fn tag_name(tag: &str) -> &str {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let end = tag.as_bytes().iter().take(MAX_NAME + 1).position(ends);
    end.and_then(|end| tag.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
