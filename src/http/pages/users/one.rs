//! The page of one user.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::{status, time};
use super::super::form_parts::choice;
use super::super::input_field::InputField;
use super::paths::path_of;
use crate::http::accounts::users::get_user;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::path::UuidPath;
use crate::storage::users::User;

const AUDIT: &str = "/dashboard/audit";
const ROLES: [(&str, &str); 3] = [
    ("viewer", "viewer: reads the catalogue"),
    ("editor", "editor: creates and changes metrics and domains"),
    ("admin", "admin: also deletes, and manages users"),
];
const STATUSES: [(&str, &str); 3] = [
    ("active", "active: may log in"),
    ("inactive", "inactive: may not log in"),
    ("suspended", "suspended: may not log in"),
];

pub(super) async fn show(
    _: Admin,
    context: PageContext,
    UuidPath(id): UuidPath,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let user = get_user(&services, id).await?;
    let body = html! { (facts(&user)) (form(&user)) };
    Ok(context.page(&user.username, NavSection::Users, &body))
}

pub(super) fn facts(user: &User) -> Markup {
    html! {
        dl {
            div { dt { "Full name" } dd { (user.full_name) } }
            div { dt { "Email address" } dd { (user.email) } }
            div { dt { "Role" } dd { (user.role.as_ref()) } }
            div { dt { "Status" } dd { (status(user.status.as_ref())) } }
            div { dt { "Last log-in" } dd {
                @if let Some(at) = user.last_login_at { (time(at)) } @else { "Never" }
            } }
            div { dt { "Created" } dd { (time(user.created_at)) } }
            div { dt { "Audit log" } dd {
                a href=(format!("{AUDIT}?actor={}", user.username)) { "what this user did" } ", "
                a href=(format!("{AUDIT}?target={}", user.user_id)) { "what was done to it" }
            } }
        }
    }
}

/// The form leads to the question, so that it is sent with GET.
fn form(user: &User) -> Markup {
    let field = |name, label, value| InputField { name, label, value, ..InputField::default() };
    html! {
        h2 { "Change" }
        form.narrow method="get" action=(format!("{}/change", path_of(user.user_id))) {
            (choice(field("role", "Role", user.role.as_ref()), &ROLES))
            (choice(field("status", "Status", user.status.as_ref()), &STATUSES))
            label.option {
                input type="checkbox" name="keep_api_keys" value="true";
                span { "Keep the API keys of a user who is not active, for later" }
            }
            button type="submit" { "Continue" }
        }
    }
}
