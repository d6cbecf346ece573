//! An input of a form, for forms of a few fields.

use maud::{Markup, html};

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
