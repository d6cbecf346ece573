//! Addresses from which an account was lately used. Failed log-ins of strangers do not lock its
//! owner out there (`http::limits`). Written in the transaction of a log-in, registration or
//! refresh, which holds the user's row.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use uuid::Uuid;

use super::StorageError;
use super::schema::{known_addresses, users};
use super::users::{User, lower};

/// How long an address stays known after it was last used.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// The most addresses per user; the least recently used ones go first.
const MOST: i64 = 20;
/// A use is written only if the stored one is older than this.
const PRECISION: TimeDelta = TimeDelta::hours(1);

/// Stores that a user was here, unless that was stored within the last hour. Needs a transaction
/// that holds the user's row.
pub async fn record(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let written: usize = diesel::sql_query(
        "INSERT INTO known_addresses (user_id, address, last_used_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, address) DO UPDATE SET last_used_at = excluded.last_used_at \
         WHERE known_addresses.last_used_at <= $4",
    )
    .bind::<SqlUuid, _>(user_id)
    .bind::<Text, _>(address)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now - PRECISION)
    .execute(conn)
    .await?;
    if written > 0 {
        trim(conn, user_id, now).await?;
    }
    Ok(())
}

/// Removes what is too old, and what is too many.
async fn trim(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM known_addresses WHERE user_id = $1 AND (last_used_at <= $2 OR address NOT IN \
         (SELECT address FROM known_addresses WHERE user_id = $1 ORDER BY last_used_at DESC, address LIMIT $3))",
    )
    .bind::<SqlUuid, _>(user_id)
    .bind::<Timestamptz, _>(now - KNOWN_FOR)
    .bind::<BigInt, _>(MOST)
    .execute(conn)
    .await?;
    Ok(())
}

/// An account to check a password against.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub user: User,
    /// Its password hash.
    pub password_hash: SecretString,
    /// Whether the account was lately used from the caller's address.
    pub is_known_here: bool,
}

/// The account of a user name or e-mail address, and whether it was lately used from `address`. One
/// statement, whether or not the account exists.
pub async fn find_by_name(
    conn: &mut AsyncPgConnection,
    name: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StorageError> {
    let named = lower(users::username).eq(lower(name)).or(lower(users::email).eq(lower(name)));
    find(conn, Box::new(named), address, now).await
}

/// The same for a user who is logged in.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn find_by_id(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Candidate, StorageError> {
    find(conn, Box::new(users::user_id.eq(user_id)), address, now)
        .await?
        .ok_or(StorageError::NotFound)
}

type Condition<'a> = Box<dyn BoxableExpression<users::table, Pg, SqlType = Bool> + 'a>;

async fn find(
    conn: &mut AsyncPgConnection,
    condition: Condition<'_>,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StorageError> {
    let known_here = known_addresses::table.filter(
        known_addresses::user_id
            .eq(users::user_id)
            .and(known_addresses::address.eq(address))
            .and(known_addresses::last_used_at.gt(now - KNOWN_FOR)),
    );
    let found = users::table
        .filter(condition)
        .select((User::as_select(), users::password_hash, diesel::dsl::exists(known_here)))
        // A user name cannot contain an @, an address must: at most one row.
        .first::<(User, String, bool)>(conn)
        .await
        .optional()?;
    Ok(found.map(|(user, hash, is_known_here)| Candidate {
        user,
        password_hash: hash.into(),
        is_known_here,
    }))
}
