//! Texts from the catalogue as markup: whatever they contain, they run nothing.

use maud::{Markup, PreEscaped, html};

use crate::model::rich_text::RichText;

/// A text from the catalogue; as a link if all of it is the address of a web page.
pub(super) fn web_link(text: &str) -> Markup {
    let is_web = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let is_whole = text.starts_with("http://") || text.starts_with("https://");
    html! {
        @if is_web && is_whole {
            a href=(text) rel="noopener noreferrer nofollow" { (text) }
        } @else { (text) }
    }
}

/// A rich text. One without `<` was stored as it was written, and is shown so. Any other has only
/// what the model's sanitiser lets pass, which looks at it again here: it is the one place where
/// markup is not made by a component.
pub(super) fn rich_text(stored: &str) -> Markup {
    let clean = RichText::from_stored(stored);
    if stored.contains('<') {
        PreEscaped(clean.into_string())
    } else {
        html! { (stored) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_web_pages_become_links() {
        for text in ["https://example.com/a?b=1&c", "http://example.com/"] {
            assert!(web_link(text).into_string().starts_with("<a href=\"http"), "{text}");
        }
        for text in [
            "javascript:alert(1)",
            "JavaScript:alert(1)//http://example.com",
            " https://example.com",
            "data:text/html,<script>alert(1)</script>",
            "https:",
            "vbscript:x",
            "/dashboard",
            "see https://example.com",
        ] {
            assert!(!web_link(text).into_string().contains("<a"), "{text}");
        }
    }

    #[test]
    fn rich_text_keeps_harmless_elements_only() {
        let shown = |text: &str| rich_text(text).into_string();
        assert_eq!(shown("What <b>it</b> tells"), "What <b>it</b> tells");
        assert_eq!(shown("R&D &lt;x&gt;"), "R&amp;D &amp;lt;x&amp;gt;");
        for stored in [
            "<script>alert(1)</script>a",
            "<b onclick=\"alert(1)\">a</b>",
            "<a href=\"javascript:alert(1)\">a</a>",
            "<b hx-get=\"/x\" hx-trigger=\"load\">a</b>",
            "<img src=x onerror=alert(1)>a",
            "<style>a</style>a",
        ] {
            let shown = shown(stored);
            for bad in ["script", "onclick", "onerror", "hx-", "img", "style"] {
                assert!(!shown.contains(bad), "{stored}: {shown}");
            }
        }
    }
}
