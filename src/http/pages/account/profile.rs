//! The page of one's own account.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::time;
use super::paths::PASSWORD;
use super::sessions;
use crate::http::accounts::own_account::get_profile;
use crate::http::accounts::own_sessions::list_sessions;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::storage::users::User;

pub(super) async fn show(
    caller: SessionCaller,
    context: PageContext,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let user = get_profile(&services, &caller).await?;
    let listed = list_sessions(&services, &caller).await?;
    let body = html! { (facts(&user)) (sessions::list(&listed, caller.family_id)) };
    Ok(context.page("Your account", NavSection::Account, &body))
}

fn facts(user: &User) -> Markup {
    html! {
        dl {
            div { dt { "User name" } dd { (user.username) } }
            div { dt { "Full name" } dd { (user.full_name) } }
            div { dt { "Email address" } dd { (user.email) } }
            div { dt { "Role" } dd { (user.role.as_ref()) } }
            div { dt { "Created" } dd { (time(user.created_at)) } }
            div { dt { "Password" } dd { a href=(PASSWORD) { "Change the password" } } }
            div { dt { "Programs" } dd { a href="/dashboard/api-keys" { "Your API keys" } } }
        }
        p.hint { "An administrator can change names, address and role." }
    }
}
