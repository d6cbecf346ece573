//! Parts of forms beside the input (`elements::InputField`): errors by field, texts of several
//! lines, choices, and the form that asks before something is done.

use maud::{Markup, html};

use super::elements::form_error;
use super::input_field::InputField;
use crate::http::error::ApiError;

/// Why a form was refused, if it was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FormErrors<'a>(pub(super) Option<&'a ApiError>);

impl<'a> FormErrors<'a> {
    /// Returns the first error of a field, or of a part of it.
    pub(super) fn at(self, field: &str) -> Option<&'a str> {
        let details = self.0.map_or(&[][..], ApiError::details);
        let found = details.iter().find(|violation| is_part(&violation.field, field));
        found.map(|violation| violation.message.as_str())
    }

    /// Renders the errors that belong to none of these fields.
    pub(super) fn beside(self, fields: &[&str]) -> Markup {
        let Some(error) = self.0 else { return html! {} };
        let is_shown = |path: &str| fields.iter().any(|field| is_part(path, field));
        let rest = error.details().iter().filter(|violation| !is_shown(&violation.field));
        html! {
            @if error.details().is_empty() { (form_error(&error.to_string())) }
            @else if fields.iter().any(|field| self.at(field).is_some()) {
                (form_error("Correct the fields that are marked."))
            }
            @for violation in rest {
                (form_error(&format!("{} {}", violation.field, violation.message)))
            }
        }
    }
}

/// Whether a path is that of a field or of a part of it.
fn is_part(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A text of several lines.
pub(super) fn text_area(field: InputField<'_>, rows: u8) -> Markup {
    labelled(field, |id, described| {
        html! {
            textarea id=(id) name=(field.name) rows=(rows) required[field.required]
                aria-describedby=[described] aria-invalid=[field.error.map(|_| "true")] {
                // The parser of HTML drops the first line break.
                "\n" (field.value)
            }
        }
    })
}

/// A choice of one of several values, each with its label.
pub(super) fn choice(field: InputField<'_>, options: &[(&str, &str)]) -> Markup {
    labelled(field, |id, described| {
        html! {
            select id=(id) name=(field.name) aria-describedby=[described]
                aria-invalid=[field.error.map(|_| "true")] {
                @for (value, label) in options {
                    option value=(value) selected[*value == field.value] { (label) }
                }
            }
        }
    })
}

fn labelled(
    InputField { name, label, hint, error, .. }: InputField<'_>,
    control: impl FnOnce(&str, Option<String>) -> Markup,
) -> Markup {
    let id = format!("field-{name}");
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let mut described = Vec::new();
    described.extend((!hint.is_empty()).then_some(hint_id.as_str()));
    described.extend(error.map(|_| error_id.as_str()));
    let described = (!described.is_empty()).then(|| described.join(" "));
    html! {
        div.field {
            label for=(id) { (label) }
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
            (control(&id, described))
            @if let Some(message) = error { p.error id=(error_id) { (message) } }
        }
    }
}

/// A form that does what its page asks about, and the way back. `fields` are sent with it.
pub(super) fn confirmation(
    action: &str,
    label: &str,
    cancel: &str,
    fields: &[(&str, &str)],
) -> Markup {
    html! {
        form.actions method="post" action=(action) {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { (label) }
            a href=(cancel) { "Cancel" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::violations::Violation;

    #[test]
    fn errors_are_shown_at_their_field_or_above_the_form() {
        let error = ApiError::Validation(vec![
            Violation::new("scopes[0]", "a"),
            Violation::new("names", "b"),
            Violation::new("", "c"),
        ]);
        let errors = FormErrors(Some(&error));
        assert_eq!((errors.at("scopes"), errors.at("name")), (Some("a"), None));
        let rest = errors.beside(&["scopes", "name"]).into_string();
        assert!(rest.contains("names b") && rest.contains(" c") && !rest.contains(">a<"), "{rest}");
        let conflict = ApiError::Conflict("taken".into());
        assert!(FormErrors(Some(&conflict)).beside(&["name"]).into_string().contains("taken"));
        assert_eq!(FormErrors(None).beside(&["name"]).into_string(), "");
    }
}
