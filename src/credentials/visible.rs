//! Counts the visible characters of a password. Combining marks, invisible characters and control
//! characters do not count; white space between two characters counts once.

use unicode_normalization::char::is_combining_mark;

/// `Default_Ignorable_Code_Point` of Unicode 16 (`DerivedCoreProperties.txt`), and the blank
/// pattern of Braille.
const INVISIBLE: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Counts the visible characters of a text.
pub(super) fn count(text: &str) -> usize {
    let (mut count, mut blank) = (0_usize, false);
    for c in text.chars().filter(|c| !is_invisible(*c) && !is_combining_mark(*c)) {
        if c.is_whitespace() {
            blank = true;
        } else {
            // Leading white space is not between two characters.
            count = count.saturating_add(if blank && count > 0 { 2 } else { 1 });
            blank = false;
        }
    }
    count
}

/// Removes the invisible characters of a text.
pub(super) fn without_invisible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
        || INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_invisible_characters_do_not_count() {
        for (text, visible) in [
            ("", 0),
            ("abc", 3),
            ("a b", 3),
            ("  a \t\u{3000} b  ", 3),
            ("a\u{200b} \u{200b}b", 3),
            ("e\u{301}\u{302}\u{303}", 1),
            ("\u{0}\u{7}\u{1b}", 0),
            ("\u{1f468}\u{200d}\u{1f469}\u{fe0f}", 2),
            ("\u{fdfa}", 1),
        ] {
            assert_eq!(count(text), visible, "{text:?}");
        }
    }
}
