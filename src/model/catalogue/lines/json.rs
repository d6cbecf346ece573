//! The parts of a JSON text with their lines. The text was parsed before, so what is wrong with it
//! is of no interest here.

use std::iter::Peekable;
use std::str::CharIndices;

use super::part::DocumentPart;

/// Visits all parts of a text in their order. Numbers, `true` and the like are scalars of one
/// character, and separators are passed over.
pub(super) fn visit(text: &str, visitor: &mut dyn FnMut(DocumentPart<'_>, usize)) {
    let (mut line, mut characters) = (1_usize, text.char_indices().peekable());
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' => line = line.saturating_add(1),
            '{' => visitor(DocumentPart::MapStart, line),
            '[' => visitor(DocumentPart::ListStart, line),
            '}' | ']' => visitor(DocumentPart::End, line),
            '"' => {
                let end = end_of_text(&mut characters).unwrap_or(text.len());
                let quoted = text.get(at..end).unwrap_or_default();
                let name: String = serde_json::from_str(quoted).unwrap_or_default();
                visitor(DocumentPart::Scalar(&name), line);
            }
            _ if is_bare(character) => {
                while characters.next_if(|(_, next)| is_bare(*next)).is_some() {}
                visitor(DocumentPart::Scalar(""), line);
            }
            _ => {}
        }
    }
}

/// Passes over the rest of a text in quotes, and returns where it ends.
fn end_of_text(characters: &mut Peekable<CharIndices<'_>>) -> Option<usize> {
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return at.checked_add(1),
            '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    None
}

/// Whether a character is a part of a number or a word.
fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.')
}
