//! Small components that many pages use.

use chrono::{DateTime, Utc};
use maud::{Markup, PreEscaped, html};

use crate::clock::rfc3339;
use crate::model::rich_text::RichText;

/// An instant: in UTC, which the script of the pages replaces by the reader's zone.
pub(super) fn time(instant: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(rfc3339(instant)) { (instant.format("%Y-%m-%d %H:%M UTC")) }
    }
}

/// An input of a form, with its label, and the error of its value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InputField<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    /// The `type` of the input; empty for a text.
    pub(super) kind: &'a str,
    pub(super) value: &'a str,
    /// What browsers and password managers fill in (HTML, 4.10.18.7).
    pub(super) autocomplete: &'a str,
    pub(super) hint: &'a str,
    pub(super) error: Option<&'a str>,
    pub(super) required: bool,
}

impl InputField<'_> {
    /// Renders the field.
    pub(super) fn render(self) -> Markup {
        let id = format!("field-{}", self.name);
        let (hint, error) = (format!("{id}-hint"), format!("{id}-error"));
        let mut described = Vec::new();
        described.extend((!self.hint.is_empty()).then_some(hint.as_str()));
        described.extend(self.error.map(|_| error.as_str()));
        let described = (!described.is_empty()).then(|| described.join(" "));
        let kind = if self.kind.is_empty() { "text" } else { self.kind };
        let autocomplete = Some(self.autocomplete).filter(|text| !text.is_empty());
        html! {
            div.field {
                label for=(id) { (self.label) }
                @if !self.hint.is_empty() { p.hint id=(hint) { (self.hint) } }
                input id=(id) name=(self.name) type=(kind) value=(self.value)
                    autocomplete=[autocomplete] required[self.required]
                    aria-describedby=[described] aria-invalid=[self.error.map(|_| "true")];
                @if let Some(message) = self.error { p.error id=(error) { (message) } }
            }
        }
    }
}

/// An error that concerns a form as a whole. Screen readers announce it.
pub(super) fn form_error(message: &str) -> Markup {
    html! { p.error role="alert" { (message) } }
}

/// The status of a metric, an API key or a user.
pub(super) fn status(status: &str) -> Markup {
    let class = match status {
        "active" => "status active",
        "deprecated" => "status deprecated",
        _ => "status",
    };
    html! { span class=(class) { (status) } }
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
