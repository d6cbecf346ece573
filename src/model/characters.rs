//! Characters that a text must not have, because what people see would not be what is stored:
//! control characters, marks that turn the direction of what follows, and characters without any
//! shape. One line of text is stricter than several.
//!
//! One line: names, titles, categories, identifiers, addresses, whatever is shown in a table.
//! Several lines: descriptions, notes, formulas, conditions, queries, reasons, and the texts in
//! free objects.

/// What one line of text must not contain, if it does.
pub(super) fn line_flaw(text: &str) -> Option<&'static str> {
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

/// What a text of several lines must not contain, if it does.
pub(super) fn lines_flaw(text: &str) -> Option<&'static str> {
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

/// Whether a character must not be shown in a message.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control() || is_direction(c) || is_invisible(c) || is_joiner(c)
}

/// Marks, embeddings, overrides and isolates (Unicode UAX #9, 2).
fn is_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Format characters and fillers without a shape of their own. Variation selectors are none: emoji
/// need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Zero-width non-joiner and joiner.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// The scripts from Arabic to Sinhala are spelt with joiners; between two of their characters a
/// joiner is no trick.
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
