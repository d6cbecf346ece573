//! The forms of the page of one API key: a new name, a later expiry, a successor.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value};

use super::super::document::{NavSection, PageContext};
use super::super::form_parts::FormErrors;
use super::super::notice::Notice;
use super::paths::path_of;
use super::{issued, one};
use crate::http::accounts::issued_keys::{IssuedKey, KeyIssuer};
use crate::http::accounts::own_keys::{get_key, update_key};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::rate_limit::RequestLimiter;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::response::see_other;
use crate::model::api_keys::{KeyPatch, KeyRotation};
use crate::model::parse::parse_body;

pub(super) async fn rename(
    (caller, context, origin): (SessionCaller, PageContext, Origin),
    id: UuidPath,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
    limiter: web::Data<RateLimiter>,
) -> Result<HttpResponse, ApiError> {
    let patch = body("name", fields.text("name").into());
    let change = (patch, Notice::KeyRenamed);
    update((caller, context, origin), id, (&services, &limiter), &fields, change).await
}

pub(super) async fn extend(
    (caller, context, origin): (SessionCaller, PageContext, Origin),
    id: UuidPath,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
    limiter: web::Data<RateLimiter>,
) -> Result<HttpResponse, ApiError> {
    let patch = body("extend_days", number(fields.text("extend_days")));
    let change = (patch, Notice::KeyExtended);
    update((caller, context, origin), id, (&services, &limiter), &fields, change).await
}

pub(super) async fn rotate(
    caller: SessionCaller,
    context: PageContext,
    limiter: RequestLimiter,
    UuidPath(id): UuidPath,
    origin: Origin,
    FormBody(fields): FormBody,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let rotation = body("grace_minutes", number(fields.text("grace_minutes")));
    let (rotation, _) = parse_body::<KeyRotation>(rotation).map_err(ApiError::Validation)?;
    let issuer =
        KeyIssuer { services: &services, caller: &caller, limiter: &limiter, origin: &origin };
    let IssuedKey { key, row } = issuer.rotate(id, rotation).await?;
    Ok(issued::page(&context, &key, &row))
}

async fn update(
    (caller, context, origin): (SessionCaller, PageContext, Origin),
    UuidPath(id): UuidPath,
    (services, limiter): (&AccountServices, &RateLimiter),
    fields: &FormFields,
    (patch, done): (Map<String, Value>, Notice),
) -> Result<HttpResponse, ApiError> {
    let changed = match parse_body::<KeyPatch>(patch) {
        Ok((patch, _)) => {
            update_key(services, (&caller, &origin), limiter, (id, &patch)).await.map(|_| ())
        }
        Err(violations) => Err(ApiError::Validation(violations)),
    };
    match changed {
        Ok(()) => Ok(see_other(&done.on(&path_of(id)))),
        Err(error @ (ApiError::Validation(_) | ApiError::Conflict(_))) => {
            let family = get_key(services, &caller, id).await?;
            let now = services.clock.now();
            let body = one::content(&family, now, fields, FormErrors(Some(&error)));
            Ok(context.refused(error, &family.key.name, NavSection::Keys, &body))
        }
        Err(error) => Err(error),
    }
}

fn body(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

/// Returns a whole number as it was typed; the rules of the model refuse everything else.
fn number(typed: &str) -> Value {
    typed.trim().parse::<u64>().map_or_else(|_| typed.into(), Value::from)
}
