//! Tests of `model::rich_text`.

use super::*;
use proptest::prelude::*;

#[test]
fn nesting_is_bounded() {
    let nested =
        |depth| RichText::new(&format!("{}x<br>y{}", "<b>".repeat(depth), "</b>".repeat(depth)));
    assert!(nested(MAX_DEPTH).validate().is_ok());
    assert!(nested(MAX_DEPTH + 1).validate().is_err());
    assert_eq!(depth("<p>a</p><p><a href=\"https://x.y\">b</a></p>"), 2);
}

#[test]
fn allowed_elements_are_kept_and_others_removed() {
    let cases = [
        ("Revenue per <product> and <day>", "Revenue per &lt;product&gt; and &lt;day&gt;"),
        ("<svg><circle/></svg>y", "y"),
        ("R&D < 5 && x", "R&amp;D &lt; 5 &amp;&amp; x"),
        ("R&D 'quoted' \"text\"", "R&D 'quoted' \"text\""),
        ("<b>bold</b><script>alert(1)</script>", "<b>bold</b>"),
        (
            r#"<a href="https://x.y" title="t" onclick="z()">l</a>"#,
            r#"<a href="https://x.y" title="t" rel="noopener noreferrer nofollow">l</a>"#,
        ),
        (r#"<a href="javascript:x">l</a>"#, r#"<a rel="noopener noreferrer nofollow">l</a>"#),
        (r#"<a href="/relative">l</a>"#, r#"<a rel="noopener noreferrer nofollow">l</a>"#),
        ("<h1>head</h1><!-- c -->", "head"),
    ];
    for (raw, clean) in cases {
        assert_eq!(RichText::new(raw).as_str(), clean);
    }
}

#[test]
fn text_without_content_after_sanitising_is_refused() {
    assert!(RichText::new("<script>x</script>").validate().is_err());
    assert!(RichText::new(&"<".repeat(2001)).validate().is_err());
}

proptest! {
    #[test]
    fn sanitising_twice_changes_nothing(
        raw in "([<>/=\"'& a-c]|<b>|</b>|<p>|<a href=|<svg>|<!--|-->|&lt;|&amp;){0,60}",
    ) {
        let once = RichText::new(&raw);
        let twice = RichText::new(once.as_str());
        prop_assert_eq!(once, twice);
    }
}
