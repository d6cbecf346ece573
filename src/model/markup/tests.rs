//! Tests of `model::markup`.

use super::*;

#[test]
fn placeholders_are_escaped_and_tags_are_not() {
    for (text, escaped) in [
        ("Revenue per <product> and day", "Revenue per &lt;product> and day"),
        ("<customer_name> pays", "&lt;customer_name> pays"),
        ("<title> of the book", "&lt;title> of the book"),
        ("<title>x</title> y", "<title>x</title> y"),
        ("</title> and <title> of the book", "&lt;/title> and &lt;title> of the book"),
        ("<data> per <database>x</database>", "&lt;data> per &lt;database>x&lt;/database>"),
        ("<video> views per <audio> play", "&lt;video> views per &lt;audio> play"),
        ("<> and <i.e.> and <5%", "&lt;> and &lt;i.e.> and &lt;5%"),
        ("<script>x", "<script>x"),
        ("a <b>c</b>", "a <b>c</b>"),
        ("a < b and <b", "a &lt; b and &lt;b"),
        ("<b<script>", "&lt;b<script>"),
        ("<!-- note --> x <!-- y", "<!-- note --> x &lt;!-- y"),
        ("<BR/>", "<BR/>"),
        ("ü<ü>", "ü&lt;ü>"),
    ] {
        assert_eq!(escape_placeholders(text), escaped, "{text}");
    }
}
