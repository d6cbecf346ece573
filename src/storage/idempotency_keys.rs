//! Responses to changes with an `Idempotency-Key`, stored in the transaction of the change itself,
//! so that a repeated request gets the same response.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::schema::idempotency_keys::dsl;
use super::{StorageError, Transaction};

/// How long a key stands for the same request.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// A request that must be done only once.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// Keys of different users are independent.
    pub user_id: Uuid,
    pub key: String,
    /// SHA-256 of what identifies the request, hex: of the creation of a metric the body; of other
    /// changes method, path, `If-Match` and body, of an import also the format of the body.
    pub request_hash: String,
}

/// The response to the first request with a key.
#[derive(Clone, Debug, Queryable)]
pub struct StoredResponse {
    /// Empty without an entity tag.
    pub etag: String,
    pub body: String,
}

/// Locks a key until the transaction ends. Returns the stored response, if there is one.
///
/// # Errors
/// [`StorageError::IdempotencyRunning`] while another transaction holds the key,
/// [`StorageError::IdempotencyMismatch`] if it belongs to another body.
pub async fn claim(
    conn: &mut Transaction<'_>,
    request: &IdempotentRequest,
    now: DateTime<Utc>,
) -> Result<Option<StoredResponse>, StorageError> {
    try_lock(conn, request, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held")
        .await?;
    stored_response(conn, request, now).await
}

/// Returns the stored response to a request, if there is one, and leaves its key to others: the
/// request has to claim it all the same.
///
/// # Errors
/// As [`claim`].
pub async fn find(
    conn: &mut Transaction<'_>,
    request: &IdempotentRequest,
    now: DateTime<Utc>,
) -> Result<Option<StoredResponse>, StorageError> {
    let stored = stored_response(conn, request, now).await?;
    if stored.is_none() {
        // Shared, so that requests that look up the same key do not refuse each other.
        let shared = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS held";
        try_lock(conn, request, shared).await?;
    }
    Ok(stored)
}

async fn try_lock(
    conn: &mut Transaction<'_>,
    request: &IdempotentRequest,
    statement: &str,
) -> Result<(), StorageError> {
    let lock = diesel::sql_query(statement)
        .bind::<Text, _>(format!("{} {}", request.user_id, request.key))
        .get_result::<Lock>(conn)
        .await?;
    if lock.held { Ok(()) } else { Err(StorageError::IdempotencyRunning) }
}

async fn stored_response(
    conn: &mut Transaction<'_>,
    request: &IdempotentRequest,
    now: DateTime<Utc>,
) -> Result<Option<StoredResponse>, StorageError> {
    let stored = dsl::idempotency_keys
        .find((request.user_id, &request.key))
        .filter(dsl::expires_at.gt(now))
        .select((dsl::request_hash, (dsl::etag, dsl::body)))
        .first::<(String, StoredResponse)>(conn)
        .await
        .optional()?;
    match stored {
        None => Ok(None),
        Some((hash, response)) if hash == request.request_hash => Ok(Some(response)),
        Some(_) => Err(StorageError::IdempotencyMismatch),
    }
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// Stores the response to a claimed request, and deletes some that have expired.
pub async fn store_response(
    conn: &mut Transaction<'_>,
    request: &IdempotentRequest,
    response: &StoredResponse,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE (user_id, key) IN ( \
           SELECT user_id, key FROM idempotency_keys \
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
            dsl::etag.eq(&response.etag),
            dsl::body.eq(&response.body),
            dsl::expires_at.eq(now + LIFETIME),
        ))
        .on_conflict((dsl::user_id, dsl::key))
        .do_update()
        .set((
            dsl::request_hash.eq(&request.request_hash),
            dsl::etag.eq(&response.etag),
            dsl::body.eq(&response.body),
            dsl::expires_at.eq(now + LIFETIME),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
