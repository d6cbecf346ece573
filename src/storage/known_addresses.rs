//! Addresses from which an account was used recently. Failed log-ins by other clients do not lock
//! the owner out there (`http::rate_limit`). They are written in the transaction of a log-in,
//! registration or refresh, which has locked the user's row.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use uuid::Uuid;

use super::schema::{known_addresses, users};
use super::users::{User, lower};
use super::{StorageError, Transaction};

/// How long an address stays known after its last use.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// Maximum number of addresses per user; the least recently used ones are deleted first.
const MAX_ADDRESSES: i64 = 20;
/// A use is written only if the stored one is older than this, to save statements.
const PRECISION: TimeDelta = TimeDelta::hours(1);

/// Records the use of an account from an address, unless one was recorded within the last hour. The
/// transaction must have locked the user's row.
pub async fn record(
    conn: &mut Transaction<'_>,
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

/// Deletes the addresses of a user that are too old or too many.
async fn trim(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM known_addresses WHERE user_id = $1 AND (last_used_at <= $2 OR address NOT IN \
         (SELECT address FROM known_addresses WHERE user_id = $1 \
           ORDER BY last_used_at DESC, address LIMIT $3))",
    )
    .bind::<SqlUuid, _>(user_id)
    .bind::<Timestamptz, _>(now - KNOWN_FOR)
    .bind::<BigInt, _>(MAX_ADDRESSES)
    .execute(conn)
    .await?;
    Ok(())
}

/// An account to check a password against.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub user: User,
    pub password_hash: SecretString,
    /// Whether the account was used recently from the client's address.
    pub is_known_address: bool,
}

/// Finds the account with a user name or e-mail address. It is one statement, whether or not the
/// account exists.
pub async fn find_by_name(
    conn: &mut AsyncPgConnection,
    name: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StorageError> {
    let named = lower(users::username).eq(lower(name)).or(lower(users::email).eq(lower(name)));
    find(conn, Box::new(named), address, now).await
}

/// Finds the account of a user who is logged in.
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

type UserFilter<'a> = Box<dyn BoxableExpression<users::table, Pg, SqlType = Bool> + 'a>;

async fn find(
    conn: &mut AsyncPgConnection,
    filter: UserFilter<'_>,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StorageError> {
    let known_address = known_addresses::table.filter(
        known_addresses::user_id
            .eq(users::user_id)
            .and(known_addresses::address.eq(address))
            .and(known_addresses::last_used_at.gt(now - KNOWN_FOR)),
    );
    let found = users::table
        .filter(filter)
        .select((User::as_select(), users::password_hash, diesel::dsl::exists(known_address)))
        // At most one row: an address contains an @, and a user name cannot.
        .first::<(User, String, bool)>(conn)
        .await
        .optional()?;
    Ok(found.map(|(user, hash, is_known_address)| Candidate {
        user,
        password_hash: hash.into(),
        is_known_address,
    }))
}
