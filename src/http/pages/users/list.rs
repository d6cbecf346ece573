//! The list of users, by name.

use actix_web::{HttpResponse, web};
use maud::html;

use super::super::document::{NavSection, PageContext};
use super::super::elements::{status, time};
use super::super::pager::{list_parameters, pager};
use super::paths::{PATH, path_of};
use crate::http::accounts::users::list_users;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::query::QueryParameters;
use crate::model::page::PageRequest;

const COLUMNS: [&str; 6] =
    ["User name", "Full name", "Email address", "Role", "Status", "Last log-in"];

pub(super) async fn show(
    _: Admin,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let parameters = list_parameters(parameters);
    let request = PageRequest::parse(&parameters, 50).map_err(ApiError::Validation)?;
    let (users, total) = list_users(&services, request).await?;
    let body = html! {
        p.count { (total) @if total == 1 { " user" } @else { " users" } }
        table.small {
            thead { tr {
                @for label in COLUMNS { th scope="col" { (label) } }
            } }
            tbody {
                @for user in &users {
                    tr {
                        th scope="row" { a href=(path_of(user.user_id)) { (user.username) } }
                        td data-label="Full name" { (user.full_name) }
                        td data-label="Email address" { (user.email) }
                        td data-label="Role" { (user.role.as_ref()) }
                        td data-label="Status" { div { (status(user.status.as_ref())) } }
                        td data-label="Last log-in" {
                            @if let Some(at) = user.last_login_at { (time(at)) } @else { "Never" }
                        }
                    }
                }
            }
        }
        (pager(PATH, &parameters, request.paginate(total)))
    };
    Ok(context.page("Users", NavSection::Users, &body))
}
