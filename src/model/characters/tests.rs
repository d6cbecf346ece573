//! Tests of `model::characters`.

use super::*;

#[test]
fn one_line_shows_all_that_it_has() {
    for good in [
        "Umsatz (netto) – R&D",
        "解約率",
        "שלום",
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "⚠\u{fe0f} Alerts",
        "a b",
    ] {
        assert_eq!(line_flaw(good), None, "{good:?}");
    }
    for bad in [
        "a\nb",
        "a\tb",
        "a\rb",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{1b}[31mb",
        "a\u{2028}b",
        "a\0b",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200e}b",
        "a\u{061c}b",
        "a\u{200b}b",
        "pay\u{200c}pal",
        "a\u{200d}",
        "\u{200c}",
        "می\u{200c}",
        "a\u{2060}b",
        "\u{feff}a",
        "co\u{ad}op",
        "a\u{e0041}b",
        "\u{3164}",
    ] {
        assert!(line_flaw(bad).is_some(), "{bad:?}");
    }
}

#[test]
fn several_lines_may_be_laid_out() {
    for good in ["a\n\tb\r\nc", "a\u{200b}b", "👩\u{200d}💻"] {
        assert_eq!(lines_flaw(good), None, "{good:?}");
    }
    for bad in ["a\0b", "a\u{8}b", "a\u{9b}b", "a\u{202d}b", "a\u{2069}b", "a\u{200f}b"] {
        assert!(lines_flaw(bad).is_some(), "{bad:?}");
    }
}
