//! The page that shows a new API key. It is the only response that has the key; it is not stored,
//! and a reload asks for another one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;

use super::super::document::{NavSection, PageContext};
use super::paths::{PATH, path_of};
use crate::credentials::api_keys::ApiKey;
use crate::storage::api_keys::KeyRow;

/// Shows a key that was just created.
pub(super) fn page(context: &PageContext, key: &ApiKey, row: &KeyRow) -> HttpResponse {
    let body = html! {
        p.banner role="status" {
            "Copy the key now and keep it in a safe place: it will not be shown again."
        }
        div.formula {
            pre { code id="new-key" { (key.expose()) } }
            button type="button" data-copy="new-key" hidden { "Copy" }
        }
        p { "Programs send it in the header " code { "X-API-Key" } "." }
        @if row.replaces.is_some() {
            p { "It replaces the old key, which the page of the new one links to." }
        }
        p {
            a href=(path_of(row.key_id)) { "The key " (row.name) } " · "
            a href=(PATH) { "All API keys" }
        }
    };
    let mut response = context.page("Your new API key", NavSection::Keys, &body);
    response.head_mut().status = StatusCode::CREATED;
    response
}
