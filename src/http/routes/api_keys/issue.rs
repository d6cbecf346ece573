//! Issues API keys: creation and rotation. The key itself is in the response only, never again.

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::rate_limit::check_rate_limit;
use super::response::NewKeyBody;
use super::target::{key_not_found, target};
use crate::actors::db_breaker::Circuit;
use crate::credentials::api_keys::ApiKey;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::json_body::{JsonBody, OptionalJsonBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::rate_limit::{Against, RequestLimiter};
use crate::http::response::secret_json;
use crate::http::routes::key_events::KeyEventLog;
use crate::model::api_keys::{KeyDraft, KeyRotation};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::scopes::Scopes;
use crate::rate_limit::policy::Policy;
use crate::storage::StorageError;
use crate::storage::api_keys::{self, NewKey, lifecycle};
use crate::storage::audit_events::{self, Target};
use crate::storage::authority;
use crate::storage::error::LostAuthority;

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
    let (draft, warnings, now) = (body.value, body.warnings, services.clock.now());
    if draft.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::invalid("expires_at", "must be in the future"));
    }
    if !draft.scopes.is_subset(Scopes::from_role(caller.user.role)) {
        return Err(ApiError::Authorization("Your role does not allow all of these scopes"));
    }
    check_rate_limit(&rate_limiter, &caller, draft.rate_limit)?;
    let account = caller.user.user_id.to_string();
    let work = async || {
        let body = store_new(&services, &caller, origin, &draft, now).await?;
        respond(&services, &body.with_warnings(warnings))
    };
    limiter.guard(Policy::ApiKey, Against::Account(&account), Result::is_ok, work).await
}

async fn store_new(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: Origin,
    draft: &KeyDraft,
    now: DateTime<Utc>,
) -> Result<NewKeyBody, ApiError> {
    let (key, actor) = (ApiKey::generate(), origin.actor(&caller.user));
    let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
    let created = services.db.transaction(Circuit::ApiKeys, "api_keys.create", async |conn| {
        let owner = authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        // The role may have been lowered since the scopes were checked.
        if !draft.scopes.is_subset(Scopes::from_role(owner.role)) {
            return Err(StorageError::AuthorityLost(LostAuthority::Role));
        }
        let row = api_keys::create(conn, new, draft, now).await?;
        let details =
            json!({ "scopes": row.scopes, "expires_at": row.expires_at, "prefix": row.prefix });
        audit_events::record(conn, &actor, Action::KeyCreated, target(&row), &details, now).await?;
        Ok(row)
    });
    let row = created.await?;
    KeyEventLog::new(&services.logger, &caller.user, &actor).created(&row);
    Ok(NewKeyBody::new(&key, row, now))
}

fn respond(services: &AccountServices, body: &NewKeyBody) -> Result<HttpResponse, ApiError> {
    services.instruments.authentication.count_created_key();
    secret_json(HttpResponse::Created(), body)
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
    // A rotation creates a key, so it is counted as a creation.
    let account = caller.user.user_id.to_string();
    let work = async || store_successor(&services, &caller, id, rotation, origin).await;
    limiter.guard(Policy::ApiKey, Against::Account(&account), Result::is_ok, work).await
}

async fn store_successor(
    services: &AccountServices,
    caller: &SessionCaller,
    id: Uuid,
    rotation: KeyRotation,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let (key, actor, now) = (ApiKey::generate(), origin.actor(&caller.user), services.clock.now());
    let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
    let rotated = services.db.transaction(Circuit::ApiKeys, "api_keys.rotate", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let row = lifecycle::rotate(conn, id, new, rotation.grace_minutes, now).await?;
        let details = json!({ "successor": row.key_id, "grace_minutes": rotation.grace_minutes });
        let old = Target { id, name: &row.name };
        audit_events::record(conn, &actor, Action::KeyRotated, old, &details, now).await?;
        Ok(row)
    });
    let invalidation = services.invalidation(InvalidationScope::Key(id));
    let row = invalidation.apply_after(rotated).await.map_err(key_not_found)?;
    KeyEventLog::new(&services.logger, &caller.user, &actor).rotated(id, &row);
    respond(services, &NewKeyBody::new(&key, row, now))
}
