//! The API keys of a user: the list, one of them, its changes and its end. A change that ends a key
//! is committed first, then invalidates the caches, then is answered.

use serde_json::json;
use uuid::Uuid;

use super::key_target::{check_rate_limit, key_not_found, target};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::routes::key_events::KeyEventLog;
use crate::model::api_keys::{KeyPatch, KeyQuery};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::users::Role;
use crate::storage::api_keys::family::{self, KeyFamily};
use crate::storage::api_keys::{self, KeyRow, lifecycle};
use crate::storage::{audit_events, authority, users};

/// Lists a page of a user's keys, newest first, with the number of all that match the query: the
/// caller's, or those of the user whom the query names.
///
/// # Errors
/// [`ApiError::Authorization`] for the keys of another user, unless the caller is an administrator.
pub async fn list_keys(
    services: &AccountServices,
    caller: &SessionCaller,
    query: &KeyQuery,
) -> Result<(Vec<KeyRow>, i64), ApiError> {
    let (now, user_id) = (services.clock.now(), query.user_id.unwrap_or(caller.user.user_id));
    if user_id != caller.user.user_id && caller.user.role != Role::Admin {
        return Err(ApiError::Authorization("Only administrators see other users' API keys"));
    }
    let list = services.db.run(Circuit::ApiKeys, "api_keys.list", async |conn| {
        api_keys::list(conn, user_id, query, now).await
    });
    Ok(list.await?)
}

/// Gets a key of the caller, with the key that it replaces and the one that replaces it.
///
/// # Errors
/// [`ApiError::NoApiKey`], also for a key of another user.
pub async fn get_key(
    services: &AccountServices,
    caller: &SessionCaller,
    id: Uuid,
) -> Result<KeyFamily, ApiError> {
    let user_id = caller.user.user_id;
    let found = services.db.run(Circuit::ApiKeys, "api_keys.get_family", async |conn| {
        family::get(conn, user_id, id).await
    });
    found.await.map_err(key_not_found)
}

/// Changes name, expiry or rate limit of a key of the caller.
///
/// # Errors
/// [`ApiError::NoApiKey`], also for a key of another user; [`ApiError::Conflict`] for one that has
/// ended, [`ApiError::Validation`] for a patch without a change.
pub async fn update_key(
    services: &AccountServices,
    (caller, origin): (&SessionCaller, &Origin),
    rate_limiter: &RateLimiter,
    (id, patch): (Uuid, &KeyPatch),
) -> Result<KeyRow, ApiError> {
    let (now, actor) = (services.clock.now(), origin.actor(&caller.user));
    if patch.name.is_none() && patch.extend_days.is_none() && patch.rate_limit.is_none() {
        return Err(ApiError::invalid(
            "",
            "must contain at least one of name, extend_days and rate_limit",
        ));
    }
    check_rate_limit(rate_limiter, caller, patch.rate_limit.flatten())?;
    let updated = services.db.transaction(Circuit::ApiKeys, "api_keys.update", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let (row, changes) = lifecycle::update(conn, caller.user.user_id, id, patch, now).await?;
        let action = Action::KeyUpdated;
        audit_events::record_changes(conn, &actor, action, target(&row), &changes, now).await?;
        Ok(row)
    });
    let invalidation = services.invalidation(InvalidationScope::Key(id));
    let row = invalidation.apply_after(updated).await.map_err(key_not_found)?;
    KeyEventLog::new(&services.logger, &caller.user, &actor).updated(&row);
    Ok(row)
}

/// Revokes a key of the caller, or, as an administrator, of any user.
///
/// # Errors
/// [`ApiError::NoApiKey`], also for one that was revoked before; [`ApiError::ForeignApiKey`].
pub async fn revoke_key(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: &Origin,
    id: Uuid,
) -> Result<(), ApiError> {
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
    Ok(())
}

/// Revokes all keys of the caller. Returns their number.
///
/// # Errors
/// Those of the database, and of a caller who has lost its rights.
pub async fn revoke_all_keys(
    services: &AccountServices,
    caller: &SessionCaller,
    origin: &Origin,
) -> Result<usize, ApiError> {
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
    Ok(keys.len())
}
