//! Characters that texts must not contain, because a person would not see what is stored: control
//! characters, characters that change the direction of text, and invisible characters. Texts of
//! several lines (descriptions, notes, formulas, queries, texts in free objects) may contain line
//! breaks, tabs and invisible characters; texts of one line (names, titles, identifiers, addresses)
//! may not.

/// Returns the message about the first rule that a text of one line breaks.
pub(super) fn single_line_violation(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) || text.contains(['\u{2028}', '\u{2029}']) {
        Some("must be one line without control characters")
    } else if text.contains(is_direction) {
        Some("must not contain characters that change the direction of text")
    } else if has_invisible(text) {
        Some("must not contain invisible characters")
    } else {
        None
    }
}

/// Returns the message about the first rule that a text of several lines breaks.
pub(super) fn multi_line_violation(text: &str) -> Option<&'static str> {
    if text.contains('\0') {
        Some("must not contain NUL characters")
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some("must not contain control characters")
    } else if text.contains(is_direction) {
        Some("must not contain characters that change the direction of text")
    } else {
        None
    }
}

/// Whether a character must not occur in a message.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_direction(c) || is_invisible(c) || is_joiner(c)
}

/// Marks, embeddings, overrides and isolates (UAX #9, section 2).
fn is_direction(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Format characters and fillers that are not displayed. Variation selectors are not among them,
/// because emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{2028}'..='\u{2029}'
        | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Zero-width non-joiner and joiner.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether joiners are part of the spelling in the script of a character (Arabic to Sinhala).
fn takes_joiners(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{0dff}')
}

fn has_invisible(text: &str) -> bool {
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let joins =
            before.is_some_and(takes_joiners) && rest.peek().copied().is_some_and(takes_joiners);
        if is_invisible(c) || (is_joiner(c) && !joins) {
            return true;
        }
        before = Some(c);
    }
    false
}

#[cfg(test)]
mod tests;
