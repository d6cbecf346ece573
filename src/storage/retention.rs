//! Deletes rows that nothing needs any more, in batches so that no statement holds many locks.
//! Rows that another transaction has locked are left for the next time.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

/// Tables whose rows end, and are of no use some time later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum EndedRows {
    /// Token families that have expired or were revoked.
    Sessions,
    /// API keys that have expired or were revoked.
    ApiKeys,
    /// Password resets that have expired.
    PasswordResets,
    /// Responses to creations, 24 hours after the first request.
    IdempotencyKeys,
}

/// Deletes at most `batch` rows that ended before `cutoff` (of sessions: token families). Returns
/// how many rows were deleted.
///
/// # Errors
/// When the statement fails.
pub async fn delete_ended(
    conn: &mut AsyncPgConnection,
    rows: EndedRows,
    cutoff: DateTime<Utc>,
    batch: i64,
) -> Result<usize, StorageError> {
    let statement = match rows {
        // The head of a family says whether it has ended; its parent goes with it.
        EndedRows::Sessions => {
            "DELETE FROM sessions WHERE family_id IN ( \
               SELECT family_id FROM sessions \
               WHERE rotated_at IS NULL AND least(expires_at, revoked_at) < $1 \
               ORDER BY least(expires_at, revoked_at) LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
        EndedRows::ApiKeys => {
            "DELETE FROM api_keys WHERE key_id IN ( \
               SELECT key_id FROM api_keys WHERE least(expires_at, revoked_at) < $1 \
               ORDER BY least(expires_at, revoked_at) LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
        EndedRows::PasswordResets => {
            "DELETE FROM password_resets WHERE token_hash IN ( \
               SELECT token_hash FROM password_resets WHERE expires_at < $1 \
               ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
        EndedRows::IdempotencyKeys => {
            "DELETE FROM idempotency_keys WHERE (user_id, key) IN ( \
               SELECT user_id, key FROM idempotency_keys WHERE expires_at < $1 \
               ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
    };
    let deleted = diesel::sql_query(statement)
        .bind::<Timestamptz, _>(cutoff)
        .bind::<BigInt, _>(batch)
        .execute(conn)
        .await?;
    Ok(deleted)
}
