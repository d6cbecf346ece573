//! Revocation of one API key, or of all keys of the caller.

use actix_web::{HttpResponse, delete, web};

use super::response::RevokedBody;
use crate::http::accounts::own_keys::{revoke_all_keys, revoke_key};
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response;

/// Revoke an API key
///
/// Users can revoke their own keys, administrators any key. After the response this process
/// refuses the key; other processes follow within a second.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "revoke_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    responses(
        (status = 200, body = MessageBody),
        (status = 403, description = "The API key belongs to another user"),
        (status = 404, description = "API key not found, or revoked before"),
    )
)]
#[delete("/api/auth/api-keys/{id}")]
pub(super) async fn revoke(
    caller: SessionCaller,
    UuidPath(id): UuidPath,
    origin: Origin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    revoke_key(&services, &caller, &origin, id).await?;
    response::json(&mut HttpResponse::Ok(), &MessageBody::new("API key revoked successfully"))
}

/// Revoke all of my API keys
///
/// After the response this process refuses them; other processes follow within a second.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "revoke_api_keys",
    security(("bearer" = [])),
    responses((status = 200, body = RevokedBody))
)]
#[delete("/api/auth/api-keys")]
pub(super) async fn revoke_all(
    caller: SessionCaller,
    origin: Origin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let count = revoke_all_keys(&services, &caller, &origin).await?;
    response::json(&mut HttpResponse::Ok(), &RevokedBody::new(count))
}
