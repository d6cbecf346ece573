//! Requests to set a new password. A user has one that counts: the last.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::schema::{password_resets, users};
use super::users::{Account, lower};

/// For how long a token counts.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// Stores a request for whoever has this address, and makes earlier ones void; none if nobody has
/// it who may log in. Needs a transaction.
pub async fn request(
    conn: &mut AsyncPgConnection,
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
    void(conn, account.user_id, now).await?;
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

/// Whose password a token may set now; none if it is unknown, void or over.
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

/// Uses a token up. One conditional UPDATE decides: of two who try, one does.
///
/// # Errors
/// [`StorageError::NotFound`] if it does not count any more.
pub async fn take(
    conn: &mut AsyncPgConnection,
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

/// Makes all requests of a user void, and forgets those that are over.
pub async fn void(
    conn: &mut AsyncPgConnection,
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
