//! Issues API keys: creation and rotation. The key itself is in the response only, never again.

use actix_web::{HttpResponse, post, web};

use super::response::NewKeyBody;
use crate::http::accounts::issued_keys::{IssuedKey, KeyIssuer};
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::{JsonBody, OptionalJsonBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::rate_limit::RequestLimiter;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::response::secret_json;
use crate::model::api_keys::{KeyDraft, KeyRotation};
use crate::model::warnings::Warnings;

/// Create an API key
///
/// The response shows the key, once. A key never allows more than the role of its owner does at
/// the time.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "create_api_key",
    security(("bearer" = [])),
    request_body = KeyDraft,
    responses(
        (status = 201, description = "Created", body = NewKeyBody),
        (status = 409, description = "The user has 100 live API keys"),
    )
)]
#[post("/api/auth/api-keys")]
pub(super) async fn create(
    caller: SessionCaller,
    limiter: RequestLimiter,
    origin: Origin,
    body: JsonBody<KeyDraft>,
    services: web::Data<AccountServices>,
    rate_limiter: web::Data<RateLimiter>,
) -> Result<HttpResponse, ApiError> {
    let issuer =
        KeyIssuer { services: &services, caller: &caller, limiter: &limiter, origin: &origin };
    let key = issuer.create(&body.value, &rate_limiter).await?;
    respond(key, body.warnings)
}

fn respond(
    IssuedKey { key, row }: IssuedKey,
    warnings: Warnings,
) -> Result<HttpResponse, ApiError> {
    let created_at = row.created_at;
    let body = NewKeyBody::new(&key, row, created_at).with_warnings(warnings);
    secret_json(HttpResponse::Created(), &body)
}

/// Rotate an API key
///
/// Creates a key with the same name, scopes and expiry. The old key stays valid for
/// `grace_minutes`, but not beyond its own expiry.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "rotate_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    request_body(content = Option<KeyRotation>),
    responses(
        (status = 201, description = "Created", body = NewKeyBody),
        (status = 404, description = "API key not found"),
        (status = 409, description = "The API key has ended, or was rotated before"),
    )
)]
#[post("/api/auth/api-keys/{id}/rotate")]
pub(super) async fn rotate(
    caller: SessionCaller,
    limiter: RequestLimiter,
    UuidPath(id): UuidPath,
    origin: Origin,
    OptionalJsonBody(rotation): OptionalJsonBody<KeyRotation>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let issuer =
        KeyIssuer { services: &services, caller: &caller, limiter: &limiter, origin: &origin };
    respond(issuer.rotate(id, rotation).await?, Warnings::default())
}
