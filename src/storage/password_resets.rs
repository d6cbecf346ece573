//! Password resets: tokens sent by mail, of which only the hash is stored. Only the last token of a
//! user is valid.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::schema::{password_resets, users};
use super::users::{Account, lower};
use super::{StorageError, Transaction};

/// How long a token is valid.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// Creates a reset for the active account with this address, and invalidates earlier ones. Returns
/// none if there is no such account.
pub async fn create(
    conn: &mut Transaction<'_>,
    email: &str,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Account>, StorageError> {
    let found = users::table
        .filter(lower(users::email).eq(lower(email)).and(users::status.eq("active")))
        .select(Account::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    let Some(account) = found else { return Ok(None) };
    invalidate_all(conn, account.user_id, now).await?;
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::token_hash.eq(token_hash),
            password_resets::user_id.eq(account.user_id),
            password_resets::created_at.eq(now),
            password_resets::expires_at.eq(now + LIFETIME),
        ))
        .execute(conn)
        .await?;
    Ok(Some(account))
}

/// Finds the account whose password a token may set now; none if the token is unknown, used or
/// expired.
pub async fn find(
    conn: &mut AsyncPgConnection,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Account>, StorageError> {
    Ok(password_resets::table
        .inner_join(users::table)
        .filter(
            password_resets::token_hash
                .eq(token_hash)
                .and(password_resets::used_at.is_null())
                .and(password_resets::expires_at.gt(now))
                .and(users::status.eq("active")),
        )
        .select(Account::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Marks a token as used. It is one conditional UPDATE, so of two concurrent requests one succeeds.
///
/// # Errors
/// [`StorageError::NotFound`] if the token is not valid any more.
pub async fn consume(
    conn: &mut Transaction<'_>,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let live = password_resets::table.filter(
        password_resets::token_hash
            .eq(token_hash)
            .and(password_resets::used_at.is_null())
            .and(password_resets::expires_at.gt(now)),
    );
    match diesel::update(live).set(password_resets::used_at.eq(now)).execute(conn).await? {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}

/// Invalidates all resets of a user, and deletes those that have expired.
pub async fn invalidate_all(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let of_user = password_resets::table.filter(password_resets::user_id.eq(user_id));
    diesel::delete(of_user.filter(password_resets::expires_at.le(now))).execute(conn).await?;
    diesel::update(of_user.filter(password_resets::used_at.is_null()))
        .set(password_resets::used_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}
