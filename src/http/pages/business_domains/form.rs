//! The form of a business domain.

use maud::{Markup, html};

use super::super::form_parts::{FormErrors, text_area};
use super::super::input_field::InputField;
use super::texts::{DomainTexts, FIELDS};

/// A form with its values.
pub(super) struct DomainForm<'a> {
    pub(super) action: &'a str,
    pub(super) cancel: &'a str,
    pub(super) texts: &'a DomainTexts,
    /// The id that was typed for a new domain; none for one that exists.
    pub(super) new_id: Option<&'a str>,
    /// The version that is changed.
    pub(super) version: Option<&'a str>,
}

impl DomainForm<'_> {
    /// Renders the form.
    pub(super) fn render(&self, errors: FormErrors<'_>) -> Markup {
        let paths = FIELDS.map(|(_, _, pointer)| path(pointer));
        let mut shown: Vec<&str> = paths.iter().map(String::as_str).collect();
        shown.extend(self.new_id.map(|_| "domain_id"));
        html! {
            form.wide method="post" action=(self.action) {
                (errors.beside(&shown))
                @if let Some(version) = self.version {
                    input type="hidden" name="version" value=(version);
                }
                @if let Some(id) = self.new_id {
                    (InputField {
                        name: "domain_id", label: "Id", value: id, required: true,
                        hint: "Letters, digits, - and _. It never changes.",
                        error: errors.at("domain_id"), autocomplete: "off",
                        ..InputField::default()
                    }.render())
                }
                @for ((name, label, _), path) in FIELDS.iter().zip(&paths) {
                    (self.field(name, label, errors.at(path)))
                }
                div.actions {
                    button type="submit" { "Save" }
                    a href=(self.cancel) { "Cancel" }
                }
            }
        }
    }

    fn field(&self, name: &str, label: &str, error: Option<&str>) -> Markup {
        let hint = match name {
            "name" => {
                "Metrics refer to it. A new name is also written to the metrics of the domain."
            }
            "description" => "May have the elements b, i, em, strong, a, p and br.",
            "color" => "Such as #1f77b4.",
            _ => "",
        };
        let kind = if name == "contact_email" { "email" } else { "" };
        let field = InputField {
            name,
            label,
            kind,
            hint,
            error,
            value: self.texts.text(name),
            autocomplete: "off",
            required: name == "name",
        };
        match name {
            "description" | "key_areas" => text_area(field, 4),
            _ => field.render(),
        }
    }
}

/// The path of a field in errors.
fn path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
