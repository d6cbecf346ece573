//! The form for a new API key.

use actix_web::{HttpResponse, web};
use chrono::{NaiveDate, TimeDelta};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::{FormErrors, text_area};
use super::super::input_field::InputField;
use super::issued;
use super::paths::PATH;
use crate::http::accounts::issued_keys::{IssuedKey, KeyIssuer};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::RequestLimiter;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::model::api_keys::KeyDraft;
use crate::model::parse::parse_body;
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;

const TITLE: &str = "New API key";
const NAME_HINT: &str = "What the key is for, such as the name of the program.";
/// What the form proposes, in days.
const LIFETIME: TimeDelta = TimeDelta::days(90);
/// Scopes that permit something, with what they permit.
const SCOPES: [(Scope, &str); 5] = [
    (Scope::MetricsRead, "read metrics and their history"),
    (Scope::MetricsWrite, "create and change metrics"),
    (Scope::DomainsRead, "read business domains"),
    (Scope::DomainsWrite, "create and change business domains"),
    (Scope::Admin, "read users and the audit log, control the circuit breakers"),
];

pub(super) async fn show(
    caller: SessionCaller,
    context: PageContext,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let proposed = (services.clock.now() + LIFETIME).date_naive();
    let fields = FormFields::parse(&format!("expires_at={proposed}&scopes=metrics:read"))?;
    let form = form(&fields, caller.user.role, FormErrors::default());
    Ok(context.page(TITLE, NavSection::Keys, &form))
}

#[allow(clippy::too_many_arguments, reason = "the parameters of a handler")]
pub(super) async fn submit(
    caller: SessionCaller,
    context: PageContext,
    limiter: RequestLimiter,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
    rate_limiter: web::Data<RateLimiter>,
) -> Result<HttpResponse, ApiError> {
    let issuer =
        KeyIssuer { services: &services, caller: &caller, limiter: &limiter, origin: &origin };
    let created = match parse_body::<KeyDraft>(draft(&fields)) {
        Ok((draft, _)) => issuer.create(&draft, &rate_limiter).await,
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match created {
        Ok(IssuedKey { key, row }) => Ok(issued::page(&context, &key, &row)),
        Err(
            error @ (ApiError::Validation(_) | ApiError::Authorization(_) | ApiError::Conflict(_)),
        ) => {
            let form = form(&fields, caller.user.role, FormErrors(Some(&error)));
            Ok(context.refused(error, TITLE, NavSection::Keys, &form))
        }
        Err(error) => Err(error),
    }
}

/// The body that a client of the API would send.
fn draft(fields: &FormFields) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("name".to_owned(), fields.text("name").into());
    let scopes = fields.iter().filter(|(name, _)| *name == "scopes").map(|(_, scope)| scope);
    body.insert("scopes".to_owned(), scopes.collect::<Vec<_>>().into());
    for name in ["description", "expires_at", "rate_limit"] {
        let typed = fields.text(name).trim();
        if typed.is_empty() {
            continue;
        }
        let value = match name {
            // The key is valid on the whole of that day.
            "expires_at" if typed.parse::<NaiveDate>().is_ok() => {
                format!("{typed}T23:59:59Z").into()
            }
            "rate_limit" => typed.parse::<u64>().map_or_else(|_| typed.into(), Value::from),
            _ => typed.into(),
        };
        body.insert(name.to_owned(), value);
    }
    body
}

fn form(fields: &FormFields, role: Role, errors: FormErrors<'_>) -> Markup {
    let field = |name, label, kind, hint| InputField {
        name,
        label,
        kind,
        hint,
        value: fields.text(name),
        error: errors.at(name),
        autocomplete: "off",
        required: name == "name",
    };
    let day = "The last day, in UTC. Empty: the key does not expire.";
    let limit = "Requests in the window of the rate limit. Empty: as many as other callers.";
    html! {
        form.narrow method="post" action=(PATH) {
            (errors.beside(&["name", "description", "scopes", "expires_at", "rate_limit"]))
            (field("name", "Name", "", NAME_HINT).render())
            (text_area(field("description", "Description (optional)", "", ""), 2))
            (scopes(fields, role, errors.at("scopes")))
            (field("expires_at", "Expires", "date", day).render())
            (field("rate_limit", "Rate limit (optional)", "number", limit).render())
            div.actions {
                button type="submit" { "Create" }
                a href=(PATH) { "Cancel" }
            }
        }
    }
}

fn scopes(fields: &FormFields, role: Role, error: Option<&str>) -> Markup {
    let allowed = Scopes::from_role(role);
    let is_allowed = |option: &&(Scope, &str)| allowed.contains_all(&[option.0]);
    let is_chosen = |scope: &str| fields.iter().any(|field| field == ("scopes", scope));
    html! {
        fieldset aria-describedby=[error.map(|_| "field-scopes-error")] {
            legend { "Scopes" }
            p.hint { "Only what the program needs. A key never allows more than your role." }
            @for (scope, meaning) in SCOPES.iter().filter(is_allowed) {
                label.option {
                    input type="checkbox" name="scopes" value=(scope.as_ref())
                        checked[is_chosen(scope.as_ref())];
                    span { code { (scope.as_ref()) } ": " (meaning) }
                }
            }
            @if let Some(message) = error { p.error id="field-scopes-error" { (message) } }
        }
    }
}
