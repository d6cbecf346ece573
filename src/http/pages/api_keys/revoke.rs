//! Revoking one API key or all of them, after a question.

use actix_web::{HttpResponse, web};
use maud::html;

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::confirmation;
use super::super::notice::Notice;
use super::paths::{PATH, REVOKE_ALL, path_of};
use super::state::{key_status, last_use};
use crate::http::accounts::own_keys::{get_key, list_keys, revoke_all_keys, revoke_key};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response::see_other;
use crate::model::api_keys::KeyQuery;

pub(super) async fn ask(
    caller: SessionCaller,
    context: PageContext,
    UuidPath(id): UuidPath,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let key = get_key(&services, &caller, id).await?.key;
    let path = path_of(id);
    let body = html! {
        p { "Programs that use the key " strong { (key.name) } " (" code { (key.prefix) "…" }
            ") are refused at once. This cannot be undone." }
        dl {
            div { dt { "Status" } dd { (key_status(&key, services.clock.now())) } }
            div { dt { "Last used" } dd { (last_use(&key, "Never")) } }
        }
        (confirmation(&format!("{path}/revoke"), "Revoke", &path, &[]))
    };
    Ok(context.page("Revoke this API key?", NavSection::Keys, &body))
}

pub(super) async fn submit(
    caller: SessionCaller,
    UuidPath(id): UuidPath,
    origin: Origin,
    _: FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    revoke_key(&services, &caller, &origin, id).await?;
    Ok(see_other(&Notice::KeyRevoked.on(PATH)))
}

pub(super) async fn ask_all(
    caller: SessionCaller,
    context: PageContext,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let active = [("status".to_owned(), "active".to_owned())];
    let query = KeyQuery::parse(&active).map_err(ApiError::Validation)?;
    let (keys, total) = list_keys(&services, &caller, &query).await?;
    let body = html! {
        p { "All programs that use one of your keys are refused at once. This cannot be undone. "
            "Active keys: " (total) "." }
        ul {
            @for key in &keys {
                li { (key.name) " (" code { (key.prefix) "…" } "), last used: "
                    (last_use(key, "never")) }
            }
        }
        (confirmation(REVOKE_ALL, "Revoke all", PATH, &[]))
    };
    Ok(context.page("Revoke all your API keys?", NavSection::Keys, &body))
}

pub(super) async fn submit_all(
    caller: SessionCaller,
    origin: Origin,
    _: FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    revoke_all_keys(&services, &caller, &origin).await?;
    Ok(see_other(&Notice::KeysRevoked.on(PATH)))
}
