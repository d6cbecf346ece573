//! A form that could not be handled, with what was typed, to be sent again.

use maud::{Markup, html};

use super::super::input_field::InputField;
pub(super) use crate::http::extract::form_body::SentForm;

/// Renders the form. Secrets are not repeated, but asked for again.
pub(super) fn again(target: &str, SentForm(fields): &SentForm) -> Markup {
    let is_secret = |name: &str| name.contains("password");
    let (secret, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| is_secret(name));
    html! {
        p { "Nothing was changed. What you typed is kept in this page: send it again when the \
             database is available." }
        form.narrow method="post" action=(target) {
            @for (name, value) in plain { input type="hidden" name=(name) value=(value); }
            @for (name, _) in secret {
                @let label = if name.starts_with("new") { "New password" } else { "Password" };
                (InputField { name, label, kind: "password", required: true,
                    ..InputField::default() }.render())
            }
            button type="submit" { "Send again" }
        }
    }
}
