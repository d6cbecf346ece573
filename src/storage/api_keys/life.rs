//! What becomes of a key: renamed, extended, rotated, revoked. What has ended is never revived.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Described, KeyRow, NewKey, insert, room_for_one};
use crate::model::api_keys::{KeyPatch, KeyStatus, extended, rotated_out};
use crate::model::audit::{Action, Changes};
use crate::storage::StorageError;
use crate::storage::audit_events::{self, Actor, Target};
use crate::storage::schema::api_keys;

/// One of an owner's own keys, held until the transaction ends.
async fn own(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    key_id: Uuid,
) -> Result<KeyRow, StorageError> {
    let key = held(conn, key_id).await?;
    // Nobody is told that somebody else has such a key.
    if key.user_id == user_id { Ok(key) } else { Err(StorageError::NotFound) }
}

async fn held(conn: &mut AsyncPgConnection, key_id: Uuid) -> Result<KeyRow, StorageError> {
    Ok(api_keys::table.find(key_id).select(KeyRow::as_select()).for_update().first(conn).await?)
}

fn live(key: KeyRow, now: DateTime<Utc>) -> Result<KeyRow, StorageError> {
    if key.status(now) == KeyStatus::Active { Ok(key) } else { Err(StorageError::KeyEnded) }
}

/// Renames a key, or extends its life; says what it changed, for the audit log. Needs a transaction
/// that has locked the owner.
///
/// # Errors
/// [`StorageError::NotFound`] also for somebody else's, [`StorageError::KeyEnded`], [`StorageError::Invalid`].
pub async fn update(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    key_id: Uuid,
    patch: &KeyPatch,
    now: DateTime<Utc>,
) -> Result<(KeyRow, Changes), StorageError> {
    let key = live(own(conn, user_id, key_id).await?, now)?;
    let expires_at = match patch.extend_days {
        Some(days) => extended(key.expires_at, days)
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

/// Replaces a key by `new`, with the same name, scopes and expiry; the old one goes on for a while.
/// Needs a transaction that has locked the owner.
///
/// # Errors
/// [`StorageError::NotFound`] also for somebody else's, [`StorageError::KeyEnded`], [`StorageError::KeyRotated`] where it
/// was replaced before, [`StorageError::TooManyKeys`].
pub async fn rotate(
    conn: &mut AsyncPgConnection,
    key_id: Uuid,
    new: NewKey<'_>,
    grace_minutes: u16,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    let old = live(own(conn, new.user_id, key_id).await?, now)?;
    room_for_one(conn, new.user_id, Some(key_id), now).await?;
    let described = Described {
        name: &old.name,
        description: old.description.as_deref(),
        scopes: old.scopes,
        rate_limit: old.rate_limit,
    };
    let successor = insert(conn, new, described, old.expires_at, Some(key_id), now)
        .await
        .map_err(|error| error.on_constraint("api_keys_replaces_key", StorageError::KeyRotated))?;
    diesel::update(api_keys::table.find(key_id))
        .set(api_keys::expires_at.eq(rotated_out(old.expires_at, now, grace_minutes)))
        .execute(conn)
        .await?;
    Ok(successor)
}

/// Ends a key: one's own, or, as an administrator, anybody's. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`] also where it was ended before, [`StorageError::Foreign`].
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    key_id: Uuid,
    only_of: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    let key = held(conn, key_id).await?;
    if only_of.is_some_and(|user_id| user_id != key.user_id) {
        return Err(StorageError::Foreign);
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

/// Ends all keys of a user that were not ended before, with an entry in the audit log for each.
/// Returns how many they were. Needs a transaction that has locked the user.
pub async fn revoke_all(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let ids: Vec<Uuid> = api_keys::table
        .filter(api_keys::user_id.eq(user_id).and(api_keys::revoked_at.is_null()))
        .select(api_keys::key_id)
        .order_by(api_keys::key_id)
        .for_update()
        .load(conn)
        .await?;
    let revoked: Vec<KeyRow> = diesel::update(api_keys::table.filter(api_keys::key_id.eq_any(ids)))
        .set(api_keys::revoked_at.eq(now))
        .returning(KeyRow::as_returning())
        .get_results(conn)
        .await?;
    for key in &revoked {
        let target = Target { id: key.key_id, name: &key.name };
        audit_events::record(
            conn,
            actor,
            Action::KeyRevoked,
            target,
            &json!({ "with": "all" }),
            now,
        )
        .await?;
    }
    Ok(revoked.len())
}
