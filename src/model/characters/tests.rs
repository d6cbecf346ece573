//! Tests of `model::characters`.

use super::*;

#[test]
fn single_line_refuses_control_direction_and_invisible_characters() {
    for good in [
        "Umsatz (netto) – R&D",
        "解約率",
        "שלום",
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "⚠\u{fe0f} Alerts",
        "a b",
    ] {
        assert_eq!(single_line_violation(good), None, "{good:?}");
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
        assert!(single_line_violation(bad).is_some(), "{bad:?}");
    }
}

#[test]
fn multiple_lines_may_contain_line_breaks_and_joiners() {
    for good in ["a\n\tb\r\nc", "a\u{200b}b", "👩\u{200d}💻"] {
        assert_eq!(multi_line_violation(good), None, "{good:?}");
    }
    for bad in ["a\0b", "a\u{8}b", "a\u{9b}b", "a\u{202d}b", "a\u{2069}b", "a\u{200f}b"] {
        assert!(multi_line_violation(bad).is_some(), "{bad:?}");
    }
}
