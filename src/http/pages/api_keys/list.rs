//! The list of one's own API keys, newest first.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::time;
use super::super::pager::{list_parameters, pager};
use super::paths::{NEW, PATH, REVOKE_ALL, path_of};
use super::state::{key_status, last_use, time_or};
use crate::http::accounts::own_keys::list_keys;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::query::QueryParameters;
use crate::model::api_keys::{KeyQuery, KeyStatus};
use crate::storage::api_keys::KeyRow;

const FILTERS: [(&str, &str); 4] =
    [("All", ""), ("Active", "active"), ("Expired", "expired"), ("Revoked", "revoked")];

pub(super) async fn show(
    caller: SessionCaller,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let parameters = list_parameters(parameters);
    let query = KeyQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let (keys, total) = list_keys(&services, &caller, &query).await?;
    let now = services.clock.now();
    let filter = parameters.iter().find(|(name, _)| name == "status");
    let filter = filter.map_or("", |(_, value)| value.as_str());
    let body = html! {
        div.toolbar {
            a.button href=(NEW) { "New API key" }
            @if keys.iter().any(|key| key.status(now) == KeyStatus::Active) {
                a href=(REVOKE_ALL) { "Revoke all" }
            }
        }
        (filters(filter))
        @if keys.is_empty() { (empty(filter)) } @else { (rows(&keys, now)) }
        (pager(PATH, &parameters, query.page.paginate(total)))
    };
    Ok(context.page("API keys", NavSection::Keys, &body))
}

fn filters(current: &str) -> Markup {
    let here = |filter: &str| (filter == current).then_some("true");
    html! {
        nav.tabs aria-label="Status" {
            ul {
                @for (label, filter) in FILTERS {
                    li { a aria-current=[here(filter)]
                        href=(if filter.is_empty() { PATH.to_owned() }
                            else { format!("{PATH}?status={filter}") }) { (label) } }
                }
            }
        }
    }
}

fn empty(filter: &str) -> Markup {
    html! {
        div.empty {
            @if filter.is_empty() {
                p { "You have no API keys." }
                p { "A program that reads or changes the catalogue needs one: "
                    a href=(NEW) { "create a key" } "." }
            } @else {
                p { "None of your API keys has this status." }
            }
        }
    }
}

fn rows(keys: &[KeyRow], now: DateTime<Utc>) -> Markup {
    html! {
        table.small {
            thead { tr {
                @for label in ["Name", "Scopes", "Status", "Last used", "Expires", "Created"] {
                    th scope="col" { (label) }
                }
            } }
            tbody {
                @for key in keys {
                    tr {
                        th scope="row" {
                            a href=(path_of(key.key_id)) { (key.name) }
                            code.id { (key.prefix) "…" }
                        }
                        td data-label="Scopes" {
                            div { @for scope in key.scopes.iter() { div { (scope.as_ref()) } } }
                        }
                        td data-label="Status" { div { (key_status(key, now)) } }
                        td data-label="Last used" { div { (last_use(key, "Never")) } }
                        td data-label="Expires" { (time_or(key.expires_at, "Never")) }
                        td data-label="Created" { (time(key.created_at)) }
                    }
                }
            }
        }
    }
}
