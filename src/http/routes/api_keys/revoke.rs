//! Revocation of one API key, or of all keys of the caller.

use actix_web::{HttpResponse, delete, web};
use serde_json::json;

use super::response::RevokedBody;
use super::target::{key_not_found, target};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::response;
use crate::http::routes::key_events::KeyEventLog;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::users::Role;
use crate::storage::api_keys::lifecycle;
use crate::storage::{audit_events, authority, users};

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
    let (now, actor) = (services.clock.now(), origin.actor(&caller.user));
    let revoked = services.db.transaction(Circuit::ApiKeys, "api_keys.revoke", async |conn| {
        let user = authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let required_owner = (user.role != Role::Admin).then_some(user.user_id);
        let row = lifecycle::revoke(conn, id, required_owner, now).await?;
        let owner = users::get(conn, row.user_id).await?.username;
        let (action, details) = (Action::KeyRevoked, json!({ "owner": owner }));
        audit_events::record(conn, &actor, action, target(&row), &details, now).await?;
        Ok(row)
    });
    let invalidation = services.invalidation(InvalidationScope::Key(id));
    let row = invalidation.apply_after(revoked).await.map_err(key_not_found)?;
    services.instruments.authentication.count_revoked_keys(1);
    KeyEventLog::new(&services.logger, &caller.user, &actor).revoked(&row);
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
    let (now, actor, user_id) =
        (services.clock.now(), origin.actor(&caller.user), caller.user.user_id);
    let revoked = services.db.transaction(Circuit::ApiKeys, "api_keys.revoke_all", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        lifecycle::revoke_all(conn, &actor, user_id, now).await
    });
    let invalidation = services.invalidation(InvalidationScope::User(user_id));
    let keys = invalidation.apply_after(revoked).await?;
    services.instruments.authentication.count_revoked_keys(keys.len());
    KeyEventLog::new(&services.logger, &caller.user, &actor).all_revoked(user_id, &keys);
    response::json(&mut HttpResponse::Ok(), &RevokedBody::new(keys.len()))
}
