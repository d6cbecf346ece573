//! A lost password: the form that asks for a mail, and the page that the mail links to. Its query
//! has the token, so the page sends no referrer (`middleware::security`), and no log has a query.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::PageTable;
use super::document::{NavSection, PageContext};
use super::form_parts::FormErrors;
use super::input_field::InputField;
use super::notice::{DONE, Notice};
use super::page_table::Audience;
use super::sign_in;
use crate::http::accounts::password_resets::{
    ResetConfirmationBody, ResetRequestBody, confirm_reset, request_reset,
};
use crate::http::accounts::reset_mail::PAGE;
use crate::http::app_data::{AccountServices, MailServices};
use crate::http::auditing::queue::AuditQueue;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::rate_limit::RequestLimiter;
use crate::http::response::see_other;
use crate::model::parse::parse_body;

const LOST: &str = "/dashboard/lost-password";
const LOST_TITLE: &str = "Lost password";
const RESET_TITLE: &str = "Set a new password";
const TOKEN: &str = "token";
const NEW_PASSWORD: &str = "new_password";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let anyone = Audience::Anyone;
    table
        .get(LOST, &[DONE], anyone, ask)
        .post(LOST, anyone, request)
        .get(PAGE, &[TOKEN], anyone, show)
        .post(PAGE, anyone, confirm)
}

async fn ask(_: Anyone, context: PageContext, mail: web::Data<MailServices>) -> HttpResponse {
    let body = html! {
        @if mail.mailer.is_enabled() { (request_form("", FormErrors::default())) }
        @else { p { "This service sends no mail. Ask an administrator for a new password." } }
        p { a href=(sign_in::PATH) { "Back to the sign-in" } }
    };
    context.page(LOST_TITLE, NavSection::None, &body)
}

#[allow(clippy::too_many_arguments, reason = "the parameters of a handler")]
async fn request(
    _: Anyone,
    context: PageContext,
    limiter: RequestLimiter,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
    mail: web::Data<MailServices>,
    audit: web::Data<AuditQueue>,
) -> Result<HttpResponse, ApiError> {
    match parse_body::<ResetRequestBody>(body(&fields, &["email"])) {
        Ok((body, _)) => {
            request_reset((services, mail), audit, (&limiter, &origin), body).await?;
            Ok(see_other(&Notice::ResetRequested.on(LOST)))
        }
        Err(violations) => {
            let error = ApiError::Validation(violations);
            let form = request_form(fields.text("email"), FormErrors(Some(&error)));
            Ok(context.refused(error, LOST_TITLE, NavSection::None, &form))
        }
    }
}

async fn show(
    _: Anyone,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
) -> HttpResponse {
    let token = parameters.iter().find(|(name, _)| name == TOKEN);
    let token = token.map_or("", |(_, token)| token.as_str());
    let form = confirmation_form(token, FormErrors::default());
    context.page(RESET_TITLE, NavSection::None, &form)
}

async fn confirm(
    _: Anyone,
    context: PageContext,
    limiter: RequestLimiter,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let confirmed = match parse_body::<ResetConfirmationBody>(body(&fields, &[TOKEN, NEW_PASSWORD]))
    {
        Ok((body, _)) => confirm_reset(&services, &limiter, &origin, body).await,
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match confirmed {
        Ok(()) => Ok(see_other(&Notice::PasswordReset.on(sign_in::PATH))),
        Err(error @ (ApiError::Validation(_) | ApiError::Authentication(_))) => {
            // A token that is not valid is not sent again.
            let token = match &error {
                ApiError::Validation(_) => fields.text(TOKEN).trim(),
                _ => "",
            };
            let form = confirmation_form(token, FormErrors(Some(&error)));
            Ok(context.refused(error, RESET_TITLE, NavSection::None, &form))
        }
        Err(error) => Err(error),
    }
}

/// The body that a client of the API would send. A token may be copied with spaces around it.
fn body(fields: &FormFields, names: &[&str]) -> Map<String, Value> {
    let value = |name: &str| match name {
        TOKEN => Value::from(fields.text(name).trim()),
        _ => Value::from(fields.text(name)),
    };
    names.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

fn request_form(email: &str, errors: FormErrors<'_>) -> Markup {
    html! {
        p { "You get a mail with a link to a page where you set a new password." }
        form.narrow method="post" action=(LOST) {
            (errors.beside(&["email"]))
            (InputField {
                name: "email", label: "Email address", kind: "email", value: email,
                autocomplete: "email", error: errors.at("email"), required: true,
                ..InputField::default()
            }.render())
            button type="submit" { "Send the mail" }
        }
    }
}

fn confirmation_form(token: &str, errors: FormErrors<'_>) -> Markup {
    let is_refused = matches!(errors.0, Some(ApiError::Authentication(_)));
    html! {
        p { "This ends all your sessions and revokes your API keys." }
        form.narrow method="post" action=(PAGE) {
            (errors.beside(&[TOKEN, NEW_PASSWORD]))
            @if is_refused { p { a href=(LOST) { "Ask for another mail" } } }
            @if token.is_empty() {
                (InputField {
                    name: TOKEN, label: "Token", hint: "From the mail.", autocomplete: "off",
                    error: errors.at(TOKEN), required: true, ..InputField::default()
                }.render())
            } @else { input type="hidden" name=(TOKEN) value=(token); }
            // Browsers expect it beside a password; whose token it is, is not told.
            input type="text" name="username" value="" autocomplete="username" hidden;
            (InputField {
                name: NEW_PASSWORD, label: "New password", kind: "password",
                autocomplete: "new-password", hint: "At least 12 characters",
                error: errors.at(NEW_PASSWORD), required: true, ..InputField::default()
            }.render())
            button type="submit" { "Set the password" }
        }
    }
}
