//! Changing one's password. This session stays; all others end, as over the API.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::FormErrors;
use super::super::input_field::InputField;
use super::super::notice::Notice;
use super::paths::{PASSWORD, PATH};
use crate::http::accounts::own_account::{PasswordChangeBody, change_password};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::see_other;
use crate::model::parse::parse_body;

const TITLE: &str = "Change your password";
const CURRENT: &str = "current_password";
const NEW: &str = "new_password";
const KEEP_KEYS: &str = "keep_api_keys";

pub(super) async fn show(_: SessionCaller, context: PageContext) -> HttpResponse {
    let form = form(&context, false, FormErrors::default());
    context.page(TITLE, NavSection::Account, &form)
}

pub(super) async fn submit(
    caller: SessionCaller,
    context: PageContext,
    limiter: RequestLimiter,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let changed = match parse_body::<PasswordChangeBody>(body(&fields)) {
        Ok((change, _)) => change_password(&services, (&caller, &origin), &limiter, change).await,
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match changed {
        Ok(()) => Ok(see_other(&Notice::PasswordChanged.on(PATH))),
        Err(error @ (ApiError::Validation(_) | ApiError::WrongPassword)) => {
            let form = form(&context, keeps_keys(&fields), FormErrors(Some(&error)));
            Ok(context.refused(error, TITLE, NavSection::Account, &form))
        }
        Err(error) => Err(error),
    }
}

fn keeps_keys(fields: &FormFields) -> bool {
    fields.text(KEEP_KEYS) == "true"
}

/// The body that a client of the API would send.
fn body(fields: &FormFields) -> Map<String, Value> {
    let passwords = [CURRENT, NEW].map(|name| (name.to_owned(), fields.text(name).into()));
    let keep_keys = (KEEP_KEYS.to_owned(), keeps_keys(fields).into());
    passwords.into_iter().chain([keep_keys]).collect()
}

fn form(context: &PageContext, keeps_keys: bool, errors: FormErrors<'_>) -> Markup {
    let username = context.viewer.as_ref().map_or("", |viewer| viewer.username.as_str());
    let password = InputField { kind: "password", required: true, ..InputField::default() };
    html! {
        p { "All your other sessions end. This one stays." }
        form.narrow method="post" action=(PASSWORD) {
            (errors.beside(&[CURRENT, NEW]))
            // So that password managers know whose password it is.
            input type="text" name="username" value=(username) autocomplete="username" hidden;
            (InputField {
                name: CURRENT, label: "Current password", autocomplete: "current-password",
                error: errors.at(CURRENT), ..password
            }.render())
            (InputField {
                name: NEW, label: "New password", autocomplete: "new-password",
                hint: "At least 12 characters", error: errors.at(NEW), ..password
            }.render())
            label.option {
                input type="checkbox" name=(KEEP_KEYS) value="true" checked[keeps_keys];
                span { "Keep my API keys. Otherwise they are revoked, because they may have been "
                    "created with a stolen password." }
            }
            div.actions {
                button type="submit" { "Change the password" }
                a href=(PATH) { "Cancel" }
            }
        }
    }
}
