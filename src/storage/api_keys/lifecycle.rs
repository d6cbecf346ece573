//! Changes of an API key after its creation: rename, extend, rotate, revoke. A key that has ended
//! is never revived.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;
use uuid::Uuid;

use super::{KeyDescription, KeyRow, NewKey, ensure_below_key_limit, insert};
use crate::model::api_keys::{KeyPatch, KeyStatus, expiry_after_rotation, extend_expiry};
use crate::model::audit::{Action, Changes};
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::schema::api_keys;
use crate::storage::{StorageError, Transaction};

/// Locks a key of `user_id` until the transaction ends.
async fn lock_own(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    key_id: Uuid,
) -> Result<KeyRow, StorageError> {
    let key = lock(conn, key_id).await?;
    // The answer does not reveal that another user has a key with this id.
    if key.user_id == user_id { Ok(key) } else { Err(StorageError::NotFound) }
}

async fn lock(conn: &mut Transaction<'_>, key_id: Uuid) -> Result<KeyRow, StorageError> {
    Ok(api_keys::table.find(key_id).select(KeyRow::as_select()).for_update().first(conn).await?)
}

fn ensure_live(key: KeyRow, now: DateTime<Utc>) -> Result<KeyRow, StorageError> {
    if key.status(now) == KeyStatus::Active { Ok(key) } else { Err(StorageError::KeyEnded) }
}

/// Renames a key, extends its life or changes its rate limit. Returns what it changed, for the
/// audit log.
///
/// # Errors
/// [`StorageError::NotFound`], also for a key of another user; [`StorageError::KeyEnded`],
/// [`StorageError::Invalid`].
pub async fn update(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    key_id: Uuid,
    patch: &KeyPatch,
    now: DateTime<Utc>,
) -> Result<(KeyRow, Changes), StorageError> {
    let key = ensure_live(lock_own(conn, user_id, key_id).await?, now)?;
    let expires_at = match patch.extend_days {
        Some(days) => extend_expiry(key.expires_at, days)
            .map_err(|message| StorageError::invalid("extend_days", message))?,
        None => key.expires_at,
    };
    let name = patch.name.as_ref().map_or(key.name.as_str(), |name| name.as_str());
    let rate_limit = patch
        .rate_limit
        .map_or(key.rate_limit, |limit| limit.and_then(|limit| i32::try_from(limit).ok()));
    let row: KeyRow = diesel::update(api_keys::table.find(key_id))
        .set((
            api_keys::name.eq(name),
            api_keys::expires_at.eq(expires_at),
            api_keys::rate_limit.eq(rate_limit),
        ))
        .returning(KeyRow::as_returning())
        .get_result(conn)
        .await?;
    let mut changes = Changes::default();
    changes
        .field("name", &key.name, &row.name)
        .field("expires_at", &key.expires_at, &row.expires_at)
        .field("rate_limit", &key.rate_limit, &row.rate_limit);
    Ok((row, changes))
}

/// Replaces a key by `new`, with the same name, scopes and expiry; the old one stays valid for the
/// grace period. The transaction must have locked the owner.
///
/// # Errors
/// [`StorageError::NotFound`], also for a key of another user; [`StorageError::KeyEnded`],
/// [`StorageError::KeyRotated`], [`StorageError::TooManyKeys`].
pub async fn rotate(
    conn: &mut Transaction<'_>,
    key_id: Uuid,
    new: NewKey<'_>,
    grace_minutes: u16,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    let old = ensure_live(lock_own(conn, new.user_id, key_id).await?, now)?;
    ensure_below_key_limit(conn, new.user_id, Some(key_id), now).await?;
    let description = KeyDescription {
        name: &old.name,
        description: old.description.as_deref(),
        scopes: old.scopes,
        rate_limit: old.rate_limit,
    };
    let successor = insert(conn, new, description, old.expires_at, Some(key_id), now)
        .await
        .map_err(|error| error.on_constraint("api_keys_replaces_key", StorageError::KeyRotated))?;
    diesel::update(api_keys::table.find(key_id))
        .set(api_keys::expires_at.eq(expiry_after_rotation(old.expires_at, now, grace_minutes)))
        .execute(conn)
        .await?;
    Ok(successor)
}

/// Revokes a key: of the user `only_of`, or, as an administrator, of any user.
///
/// # Errors
/// [`StorageError::NotFound`], also for a key that was revoked before;
/// [`StorageError::NotKeyOwner`].
pub async fn revoke(
    conn: &mut Transaction<'_>,
    key_id: Uuid,
    only_of: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    let key = lock(conn, key_id).await?;
    if only_of.is_some_and(|user_id| user_id != key.user_id) {
        return Err(StorageError::NotKeyOwner);
    }
    if key.revoked_at.is_some() {
        return Err(StorageError::NotFound);
    }
    Ok(diesel::update(api_keys::table.find(key_id))
        .set(api_keys::revoked_at.eq(now))
        .returning(KeyRow::as_returning())
        .get_result(conn)
        .await?)
}

/// Revokes all keys of a user that were not revoked before, with one audit event for each. Returns
/// their ids. The transaction must have locked the user.
pub async fn revoke_all(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StorageError> {
    let ids = lock_unrevoked(conn, user_id).await?.into_iter().map(|key| key.key_id);
    let revoked: Vec<KeyRow> = diesel::update(api_keys::table)
        .filter(api_keys::key_id.eq_any(ids.collect::<Vec<_>>()))
        .set(api_keys::revoked_at.eq(now))
        .returning(KeyRow::as_returning())
        .get_results(conn)
        .await?;
    record_revoked(conn, actor, &revoked, "all", now).await?;
    Ok(revoked.into_iter().map(|key| key.key_id).collect())
}

/// Records that a user's keys end because the user is deleted, with one audit event for each key
/// that was not revoked before. Returns their ids. The rows themselves are deleted with the user,
/// whom the transaction must have locked.
pub async fn record_end_with_user(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StorageError> {
    let keys = lock_unrevoked(conn, user_id).await?;
    record_revoked(conn, actor, &keys, "user", now).await?;
    Ok(keys.into_iter().map(|key| key.key_id).collect())
}

/// Locks a user's keys that were not revoked, in the order of their ids.
async fn lock_unrevoked(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
) -> Result<Vec<KeyRow>, StorageError> {
    Ok(api_keys::table
        .filter(api_keys::user_id.eq(user_id).and(api_keys::revoked_at.is_null()))
        .select(KeyRow::as_select())
        .order_by(api_keys::key_id)
        .for_update()
        .load(conn)
        .await?)
}

/// Records `api_key.revoked` for each key; `with` says which other change revoked it.
async fn record_revoked(
    conn: &mut Transaction<'_>,
    actor: &Actor,
    keys: &[KeyRow],
    with: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for key in keys {
        let target = Target { id: key.key_id, name: &key.name };
        let details = json!({ "with": with });
        audit_events::record(conn, actor, Action::KeyRevoked, target, &details, now).await?;
    }
    Ok(())
}
