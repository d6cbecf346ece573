//! Answers to creations that carried an `Idempotency-Key`, written in the transaction of the
//! creation itself.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::schema::idempotency_keys::dsl;

/// For how long a key means the same request.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// A request that wants to happen once.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// Who asks; keys of different users never meet.
    pub user_id: Uuid,
    pub key: String,
    /// SHA-256 of the request body, hex.
    pub request_hash: String,
}

/// An answer that was given.
#[derive(Clone, Debug, Queryable)]
pub struct Answer {
    pub etag: String,
    pub body: String,
}

/// Takes hold of a key until the transaction ends. Returns the answer, if it was given already.
///
/// # Errors
/// [`StorageError::IdempotencyRunning`] while another transaction holds the key,
/// [`StorageError::IdempotencyMismatch`] where it belongs to another body.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    request: &IdempotentRequest,
    now: DateTime<Utc>,
) -> Result<Option<Answer>, StorageError> {
    let lock =
        diesel::sql_query("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held")
            .bind::<Text, _>(format!("{} {}", request.user_id, request.key))
            .get_result::<Lock>(conn)
            .await?;
    if !lock.held {
        return Err(StorageError::IdempotencyRunning);
    }
    let stored = dsl::idempotency_keys
        .find((request.user_id, &request.key))
        .filter(dsl::expires_at.gt(now))
        .select((dsl::request_hash, (dsl::etag, dsl::body)))
        .first::<(String, Answer)>(conn)
        .await
        .optional()?;
    match stored {
        None => Ok(None),
        Some((hash, answer)) if hash == request.request_hash => Ok(Some(answer)),
        Some(_) => Err(StorageError::IdempotencyMismatch),
    }
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// Remembers the answer to a claimed request, and forgets some that have expired.
pub async fn remember(
    conn: &mut AsyncPgConnection,
    request: &IdempotentRequest,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency_keys \
         WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await?;
    diesel::insert_into(dsl::idempotency_keys)
        .values((
            dsl::user_id.eq(request.user_id),
            dsl::key.eq(&request.key),
            dsl::request_hash.eq(&request.request_hash),
            dsl::etag.eq(&answer.etag),
            dsl::body.eq(&answer.body),
            dsl::expires_at.eq(now + LIFETIME),
        ))
        .on_conflict((dsl::user_id, dsl::key))
        .do_update()
        .set((
            dsl::request_hash.eq(&request.request_hash),
            dsl::etag.eq(&answer.etag),
            dsl::body.eq(&answer.body),
            dsl::expires_at.eq(now + LIFETIME),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
