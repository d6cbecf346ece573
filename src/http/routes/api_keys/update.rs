//! Changes of an API key: name, expiry, rate limit.

use actix_web::{HttpResponse, patch, web};

use super::response::ChangedKeyBody;
use crate::http::accounts::own_keys::update_key;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::response;
use crate::model::api_keys::KeyPatch;

/// Rename an API key, extend its expiry, or set its rate limit
///
/// A key without expiry keeps none. An expired or revoked key cannot be changed.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "update_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    request_body = KeyPatch,
    responses(
        (status = 200, body = ChangedKeyBody),
        (status = 404, description = "API key not found"),
        (status = 409, description = "The API key has expired or was revoked"),
    )
)]
#[patch("/api/auth/api-keys/{id}")]
pub(super) async fn update(
    caller: SessionCaller,
    UuidPath(id): UuidPath,
    origin: Origin,
    body: JsonBody<KeyPatch>,
    services: web::Data<AccountServices>,
    rate_limiter: web::Data<RateLimiter>,
) -> Result<HttpResponse, ApiError> {
    let change = (id, &body.value);
    let row = update_key(&services, (&caller, &origin), &rate_limiter, change).await?;
    response::json(&mut HttpResponse::Ok(), &ChangedKeyBody::from(row))
}
