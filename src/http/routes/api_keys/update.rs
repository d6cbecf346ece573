//! Changes of an API key: name, expiry, rate limit.

use actix_web::{HttpResponse, patch, web};

use super::rate_limit::check_rate_limit;
use super::response::ChangedKeyBody;
use super::target::{key_not_found, target};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::response;
use crate::http::routes::key_events::KeyEventLog;
use crate::model::api_keys::KeyPatch;
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::storage::api_keys::lifecycle;
use crate::storage::{audit_events, authority};

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
    let (patch, now, actor) = (body.value, services.clock.now(), origin.actor(&caller.user));
    if patch.name.is_none() && patch.extend_days.is_none() && patch.rate_limit.is_none() {
        return Err(ApiError::invalid(
            "",
            "must contain at least one of name, extend_days and rate_limit",
        ));
    }
    check_rate_limit(&rate_limiter, &caller, patch.rate_limit.flatten())?;
    let updated = services.db.transaction(Circuit::ApiKeys, "api_keys.update", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let (row, changes) = lifecycle::update(conn, caller.user.user_id, id, &patch, now).await?;
        audit_events::record_changes(conn, &actor, Action::KeyUpdated, target(&row), &changes, now)
            .await?;
        Ok(row)
    });
    let invalidation = services.invalidation(InvalidationScope::Key(id));
    let row = invalidation.apply_after(updated).await.map_err(key_not_found)?;
    KeyEventLog::new(&services.logger, &caller.user, &actor).updated(&row);
    response::json(&mut HttpResponse::Ok(), &ChangedKeyBody::from(row))
}
