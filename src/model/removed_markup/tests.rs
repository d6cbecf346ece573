//! Tests of `model::removed_markup`.

use super::*;
use crate::model::rich_text::RichText;
use proptest::prelude::*;

#[test]
fn removed_elements_and_attributes_are_named() {
    for (text, expected) in [
        ("R&D < 5, per <product>", &[][..]),
        ("<b>bold</b> <a href=\"https://x.y\" title=t>l</a>", &[]),
        ("x<script>alert(1)</script>y", &["<script> and its content were removed"]),
        (
            "<svg><script>x</script></svg><h1>y</h1>",
            &["<svg> and its content were removed", "<h1> was removed"],
        ),
        ("<svg/>x<hr>", &["<hr> was removed"]),
        (
            "<style>a<b</style><i class=x>y</i>",
            &["<style> and its content were removed", "attribute class of <i> was removed"],
        ),
        (
            "<b onclick=x onsecret=y>z</b><b onclick=1>z</b>",
            &["attribute onclick of <b> was removed", "an unknown attribute of <b> was removed"],
        ),
        (
            "<a href=javascript:x rel=me>l</a>",
            &[
                "attribute href of <a> was removed: it must begin with http:, https: or mailto:",
                "attribute rel of <a> was replaced",
            ],
        ),
        ("<i>x</i and y>", &["attributes of a closing tag were removed"]),
        ("a<!-- secret -->b", &["a comment was removed"]),
        ("<!doctype html>b", &["a document type was removed"]),
    ] {
        assert_eq!(removed_markup(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn only_what_is_kept_gives_no_message(
        raw in concat!(
            "([<>/=\"' a-c]|<b>|</b>|<p>|<a href=|<svg>|</svg>|<!--|-->|<h1>|<title>",
            "|</title>){0,40}",
        ),
    ) {
        let clean = RichText::new(&raw);
        prop_assert_eq!(removed_markup(clean.as_str()), Vec::<&str>::new());
        // Elements and comments that are not in the result were removed with a message.
        let opened = |name: &str| raw.contains(&format!("<{name}>"));
        if opened("h1") && !raw.contains(['"', '\'']) && !raw.contains("<!--") {
            prop_assert!(!removed_markup(&raw).is_empty());
        }
    }
}
