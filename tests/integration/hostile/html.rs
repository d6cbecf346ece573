//! Random and malicious HTML in rich texts.

use garde::Validate;
use mdl::model::rich_text::{ELEMENTS, MAX_CHARS, MAX_DEPTH, RichText};
use proptest::prelude::*;
use scraper::node::Node;
use scraper::{ElementRef, Html};

/// Returns what is not allowed in a text, as an HTML parser other than the sanitizer reads it.
fn flaw(text: &str) -> Option<String> {
    if ["<html", "<body", "<head"].iter().any(|tag| text.to_lowercase().contains(tag)) {
        return Some("a frame".into());
    }
    let parsed = Html::parse_fragment(text);
    for node in parsed.tree.nodes() {
        match node.value() {
            // The parser adds these itself; only attributes would come from the text.
            Node::Element(element)
                if ["html", "body"].contains(&element.name())
                    && element.attrs().next().is_none() => {}
            Node::Element(element) => {
                if !ELEMENTS.contains(&element.name()) {
                    return Some(format!("<{}>", element.name()));
                }
                for (name, value) in element.attrs() {
                    let allowed = element.name() == "a"
                        && match name {
                            "href" => url::Url::parse(value).is_ok_and(|url| {
                                ["http", "https", "mailto"].contains(&url.scheme())
                            }),
                            "rel" => value == "noopener noreferrer nofollow",
                            "title" => true,
                            _ => false,
                        };
                    if !allowed {
                        return Some(format!("<{} {name}={value:?}>", element.name()));
                    }
                }
                let ancestors = ElementRef::wrap(node).unwrap().ancestors().count();
                if ancestors > MAX_DEPTH + 3 {
                    return Some(format!("{ancestors} deep"));
                }
            }
            Node::Text(_) | Node::Fragment | Node::Document => {}
            other => return Some(format!("{other:?}")),
        }
    }
    None
}

/// Fragments of attacks.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<script>",
        "</script>",
        "<b>",
        "</b>",
        "<i ",
        ">",
        "<a href=",
        "\"",
        "'",
        "javascript:",
        "java\tscript:",
        "&#106;avascript:",
        "data:text/html,",
        "https://x.y",
        "//x.y",
        "mailto:a@b.c",
        " onclick=",
        " onerror=alert(1)",
        " style=",
        "<img src=x",
        "<svg>",
        "<svg/onload=",
        "<math><mtext>",
        "<table><td>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "--!>",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "<!doctype",
        "<noscript><p title=\"",
        "</noscript>",
        "<template>",
        "</template>",
        "<form><input name=attributes>",
        "<mglyph>",
        "<iframe srcdoc=",
        "<textarea>",
        "</textarea>",
        "<title>",
        "<xmp>",
        "<plaintext>",
        "<select><option>",
        "<p>",
        "</p>",
        "<br>",
        "<br/>",
        "<em>",
        "</strong>",
        " title=",
        "&lt;",
        "&amp;",
        "&#0;",
        "\u{a0}",
        "\u{200b}",
        "\\",
        "/",
        "=",
        " ",
        "\n",
        "x",
        "<",
        "R&D",
        "5 < 6",
    ]);
    prop_oneof![6 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None,
        ..ProptestConfig::default() })]

    #[test]
    fn only_seven_elements_survive_sanitizing(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        let cleaned = RichText::new(&text);
        if cleaned.validate().is_err() {
            return Ok(());
        }
        let cleaned = cleaned.as_str();
        prop_assert!(cleaned.chars().count() <= MAX_CHARS);
        // A text without `<` is no HTML and is not changed.
        if text.contains('<') {
            prop_assert_eq!(flaw(cleaned), None, "{:?} became {:?}", text, cleaned);
        } else {
            prop_assert_eq!(cleaned, text.trim());
        }
        let again = RichText::new(cleaned);
        prop_assert_eq!(again.as_str(), cleaned);
    }
}

#[test]
fn flaw_finds_markup_that_is_not_allowed() {
    for bad in [
        "<script>x</script>",
        "<b onclick=x>y</b>",
        "<a href='javascript:x'>y</a>",
        "<a href='/x'>y</a>",
        "<!-- x -->",
    ] {
        assert!(flaw(bad).is_some(), "{bad}");
    }
}

#[test]
fn intended_markup_survives() {
    let text = r#"<b>bold</b> <a href="https://x.y" title="t">link</a>"#;
    let cleaned = RichText::new(text);
    assert_eq!(
        cleaned.as_str(),
        r#"<b>bold</b> <a href="https://x.y" title="t" rel="noopener noreferrer nofollow">link</a>"#
    );
    assert_eq!(flaw(cleaned.as_str()), None);
    for plain in ["R&D", "a && b > c", "x &lt; y", "100 % \"quoted\" 'text'"] {
        assert_eq!(RichText::new(plain).as_str(), plain);
    }
}

/// Placeholders in angle brackets; SVG, `MathML` or HTML have elements of some of these names.
const PLACEHOLDERS: [&str; 40] = [
    "product",
    "domain",
    "set",
    "list",
    "limit",
    "share",
    "filter",
    "text",
    "line",
    "path",
    "title",
    "sum",
    "mean",
    "median",
    "min",
    "max",
    "customer_name",
    "day",
    "Year",
    "unit",
    "data",
    "time",
    "value",
    "count",
    "rate",
    "name",
    "id",
    "market",
    "segment",
    "switch",
    "image",
    "view",
    "use",
    "symbol",
    "pattern",
    "mask",
    "marker",
    "desc",
    "sub",
    "label",
];

#[test]
fn placeholders_in_angle_brackets_keep_their_text() {
    for name in PLACEHOLDERS {
        for text in [
            format!("Revenue per <{name}> and day"),
            format!("<{name}> pays <b>twice</b>, see <{name}/>"),
        ] {
            let cleaned = RichText::new(&text);
            let shown: String =
                Html::parse_fragment(cleaned.as_str()).root_element().text().collect();
            assert_eq!(shown, text.replace("<b>", "").replace("</b>", ""), "{}", cleaned.as_str());
            assert_eq!(flaw(cleaned.as_str()), None);
        }
    }
}

/// Words, placeholders and the allowed elements that wrap them.
fn words() -> impl Strategy<Value = String> {
    let placeholder = prop::sample::select(PLACEHOLDERS.to_vec());
    let other = prop::sample::select(vec![
        "alpha",
        "R&D",
        "5%",
        "<T>",
        "<i.e.>",
        "<5%",
        "<",
        ">",
        "</day>",
        "<Ärger>",
        "x<y",
        "<>",
        "<b>bold</b>",
        "<em>so</em>",
        "<br>",
        "<p>text</p>",
        "<customer_name>",
        "<a b>",
        "<<day>>",
    ]);
    let piece = prop_oneof![
        placeholder.clone().prop_map(|name| format!("<{name}>")),
        placeholder.prop_map(|name| format!("<{name}/>")),
        other.prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None,
        ..ProptestConfig::default() })]

    #[test]
    fn no_word_outside_of_known_elements_is_lost(text in words()) {
        let cleaned = RichText::new(&text);
        if !text.contains('<') {
            prop_assert_eq!(cleaned.as_str(), text);
            return Ok(());
        }
        let fragment = Html::parse_fragment(cleaned.as_str());
        let shown: String = fragment.root_element().text().collect();
        let elements = ["<b>", "</b>", "<em>", "</em>", "<br>", "<p>", "</p>", "<a b>"];
        let expected =
            elements.iter().fold(text.clone(), |text, element| text.replace(element, ""));
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(squeeze(&shown), squeeze(&expected), "{:?}", cleaned);
        prop_assert_eq!(flaw(cleaned.as_str()), None);
        let again = RichText::new(cleaned.as_str());
        prop_assert_eq!(again.as_str(), cleaned.as_str());
    }
}
