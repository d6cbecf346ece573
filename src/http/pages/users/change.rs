//! Changing role and status of a user: the question with what follows from it, and the change.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::document::{NavSection, PageContext};
use super::super::elements::form_error;
use super::super::form_parts::confirmation;
use super::super::notice::Notice;
use super::one::facts;
use super::paths::path_of;
use crate::http::accounts::users::{get_user, update_user};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Admin, SessionCaller};
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::extract::query::QueryParameters;
use crate::http::response::see_other;
use crate::model::parse::parse_body;
use crate::model::users::{UserPatch, UserStatus};
use crate::storage::users::User;

pub(super) async fn ask(
    admin: Admin,
    context: PageContext,
    UuidPath(id): UuidPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let patch = patch(pairs)?;
    let user = get_user(&services, id).await?;
    let is_self = admin.0.user.user_id == id;
    let title = format!("Change {}?", user.username);
    Ok(context.page(&title, NavSection::Users, &question(&user, &patch, is_self)))
}

pub(super) async fn submit(
    (caller, admin): (SessionCaller, Admin),
    context: PageContext,
    UuidPath(id): UuidPath,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let patch = patch(fields.iter())?;
    let changed = update_user(&services, (&caller, &admin), &origin, (id, &patch)).await;
    match changed {
        Ok(_) => Ok(see_other(&Notice::UserChanged.on(&path_of(id)))),
        Err(error @ ApiError::Conflict(_)) => {
            let user = get_user(&services, id).await?;
            let body = html! {
                (form_error(&error.to_string()))
                (facts(&user))
                p { a href=(path_of(id)) { "Back to the user" } }
            };
            Ok(context.refused(error, &user.username, NavSection::Users, &body))
        }
        Err(error) => Err(error),
    }
}

/// Reads the change as a client of the API would send it.
fn patch<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<UserPatch, ApiError> {
    let mut body = Map::new();
    for (name, value) in fields {
        let value = if name == "keep_api_keys" { (value == "true").into() } else { value.into() };
        body.insert(name.to_owned(), value);
    }
    // The pages change nothing else.
    body.retain(|name, _: &mut Value| matches!(name.as_str(), "role" | "status" | "keep_api_keys"));
    parse_body(body).map(|(patch, _)| patch).map_err(ApiError::Validation)
}

fn question(user: &User, patch: &UserPatch, is_self: bool) -> Markup {
    let role = patch.role.filter(|role| *role != user.role);
    let status = patch.status.filter(|status| *status != user.status);
    let ends = status.filter(|status| *status != UserStatus::Active);
    let page = path_of(user.user_id);
    let mut fields = Vec::new();
    fields.extend(role.as_ref().map(|role| ("role", role.as_ref())));
    fields.extend(status.as_ref().map(|status| ("status", status.as_ref())));
    fields.extend(patch.keep_api_keys.then_some(("keep_api_keys", "true")));
    html! {
        @if role.is_none() && status.is_none() {
            p { "Nothing would change." }
            p { a href=(page) { "Back to the user" } }
        } @else {
            @if is_self { p.banner { "This is your own account." } }
            ul {
                @if let Some(role) = role {
                    li { "Role: " (user.role.as_ref()) " → " strong { (role.as_ref()) }
                        ", at once, also for the API keys and what is under way" }
                }
                @if let Some(status) = status {
                    li { "Status: " (user.status.as_ref()) " → " strong { (status.as_ref()) } }
                }
                @if ends.is_some() {
                    li { "All sessions end." }
                    @if patch.keep_api_keys {
                        li { "The API keys are refused until the user is active again." }
                    } @else {
                        li { "All API keys are revoked, for ever." }
                    }
                }
            }
            (confirmation(&format!("{page}/change"), "Change", &page, &fields))
        }
    }
}
