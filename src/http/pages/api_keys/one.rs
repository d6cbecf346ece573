//! The page of one API key: what is known of it, and the forms that change it.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::time;
use super::super::form_parts::{FormErrors, choice};
use super::super::input_field::InputField;
use super::super::stored_texts::rich_text;
use super::paths::path_of;
use super::state::{key_status, last_use, time_or, use_since_rotation};
use crate::http::accounts::own_keys::get_key;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::FormFields;
use crate::http::extract::path::UuidPath;
use crate::model::api_keys::KeyStatus;
use crate::storage::api_keys::KeyRow;
use crate::storage::api_keys::family::KeyFamily;

/// How long a replaced key may stay valid, in minutes.
const GRACE: [(&str, &str); 5] = [
    ("0", "Ends at once"),
    ("60", "Stays valid for an hour"),
    ("1440", "Stays valid for a day"),
    ("4320", "Stays valid for three days"),
    ("10080", "Stays valid for a week"),
];

pub(super) async fn show(
    caller: SessionCaller,
    context: PageContext,
    UuidPath(id): UuidPath,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let family = get_key(&services, &caller, id).await?;
    let typed = FormFields::default();
    let body = content(&family, services.clock.now(), &typed, FormErrors::default());
    Ok(context.page(&family.key.name, NavSection::Keys, &body))
}

/// Renders the page. `typed` is what a refused form had, `errors` why it was refused.
pub(super) fn content(
    family: &KeyFamily,
    now: DateTime<Utc>,
    typed: &FormFields,
    errors: FormErrors<'_>,
) -> Markup {
    html! {
        (errors.beside(&["name", "extend_days"]))
        (facts(family, now))
        @if family.key.status(now) == KeyStatus::Active { (forms(family, typed, errors)) }
    }
}

fn facts(KeyFamily { key, predecessor, successor }: &KeyFamily, now: DateTime<Utc>) -> Markup {
    html! {
        dl {
            div { dt { "Status" } dd { (key_status(key, now)) } }
            div { dt { "Begins with" } dd { code { (key.prefix) } } }
            @if let Some(description) = &key.description {
                div { dt { "Description" } dd { (rich_text(description)) } }
            }
            div { dt { "Scopes" } dd {
                @for (at, scope) in key.scopes.iter().enumerate() {
                    @if at > 0 { ", " } code { (scope.as_ref()) }
                }
            } }
            div { dt { "Last used" } dd { (last_use(key, "Never")) } }
            div { dt { "Expires" } dd { (time_or(key.expires_at, "Never")) } }
            @if let Some(revoked) = key.revoked_at {
                div { dt { "Revoked" } dd { (time(revoked)) } }
            }
            div { dt { "Created" } dd { (time(key.created_at)) } }
            @if let Some(limit) = key.rate_limit {
                div { dt { "Rate limit" } dd { (limit) " requests per window" } }
            }
            @if let Some(successor) = successor {
                div { dt { "Replaced by" } dd {
                    (link(successor)) " at " (time(successor.created_at)) ". "
                    (use_since_rotation(key, successor, now))
                } }
            }
            @if let Some(old) = predecessor {
                div { dt { "Replaces" } dd {
                    (link(old)) ". " (use_since_rotation(old, key, now))
                } }
            }
        }
    }
}

fn link(key: &KeyRow) -> Markup {
    html! { a href=(path_of(key.key_id)) { (key.name) " (" (key.prefix) "…)" } }
}

fn forms(
    KeyFamily { key, successor, .. }: &KeyFamily,
    typed: &FormFields,
    errors: FormErrors<'_>,
) -> Markup {
    let path = path_of(key.key_id);
    let name = InputField {
        name: "name",
        label: "Name",
        value: typed.find("name").unwrap_or(&key.name),
        error: errors.at("name"),
        required: true,
        ..InputField::default()
    };
    let days = InputField {
        name: "extend_days",
        label: "Days",
        kind: "number",
        value: typed.find("extend_days").unwrap_or("90"),
        error: errors.at("extend_days"),
        hint: "They are added to the present expiry.",
        required: true,
        ..InputField::default()
    };
    let grace = InputField { name: "grace_minutes", label: "The old key", ..InputField::default() };
    html! {
        h2 { "Rename" }
        form.narrow method="post" action=(format!("{path}/rename")) {
            (name.render()) button type="submit" { "Rename" }
        }
        @if key.expires_at.is_some() {
            h2 { "Extend" }
            form.narrow method="post" action=(format!("{path}/extend")) {
                (days.render()) button type="submit" { "Extend" }
            }
        }
        @if successor.is_none() {
            h2 { "Rotate" }
            p { "Creates a key with the same name, scopes and expiry, which is shown once." }
            form.narrow method="post" action=(format!("{path}/rotate")) {
                (choice(grace, &GRACE)) button type="submit" { "Rotate" }
            }
        }
        h2 { "Revoke" }
        p { "A revoked key is refused at once and for ever. "
            a href=(format!("{path}/revoke")) { "Revoke this key" } }
    }
}
