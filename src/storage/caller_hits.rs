//! Requests of callers with their own rate limit, counted by each process and exchanged between
//! them. A process writes only its own rows, with absolute counts, so that a repeated write changes
//! nothing.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;

/// Maximum number of rows that one sweep deletes.
const SWEEP_BATCH: i64 = 10_000;

/// The number of requests of a caller in one slot of time.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct SlotHits {
    #[diesel(sql_type = Text)]
    pub subject: String,
    /// Start of the slot, in milliseconds since 1970.
    #[diesel(sql_type = BigInt)]
    pub slot_at: i64,
    #[diesel(sql_type = Integer)]
    pub hits: i32,
}

/// Writes the counts of this process, and reads those of the others for `subjects` in slots from
/// `since` on, with one statement. A row expires `lifetime` milliseconds after the start of its
/// slot.
pub async fn exchange(
    conn: &mut AsyncPgConnection,
    process_id: Uuid,
    own: &[SlotHits],
    subjects: &[String],
    (since, lifetime): (i64, i64),
) -> Result<Vec<SlotHits>, StorageError> {
    let written: Vec<&str> = own.iter().map(|row| row.subject.as_str()).collect();
    let slots: Vec<i64> = own.iter().map(|row| row.slot_at).collect();
    let hits: Vec<i32> = own.iter().map(|row| row.hits).collect();
    Ok(diesel::sql_query(
        "WITH written AS (INSERT INTO caller_hits (subject, slot_at, process_id, hits, expires_at) \
           SELECT subject, slot_at, $4, hits, slot_at + $5 \
           FROM unnest($1, $2, $3) AS own (subject, slot_at, hits) \
           ON CONFLICT (subject, slot_at, process_id) DO UPDATE SET hits = excluded.hits) \
         SELECT subject, slot_at, least(sum(hits), 2147483647)::integer AS hits FROM caller_hits \
         WHERE subject = ANY($6) AND process_id <> $4 AND slot_at >= $7 GROUP BY subject, slot_at",
    )
    .bind::<Array<Text>, _>(written)
    .bind::<Array<BigInt>, _>(slots)
    .bind::<Array<Integer>, _>(hits)
    .bind::<SqlUuid, _>(process_id)
    .bind::<BigInt, _>(lifetime)
    .bind::<Array<Text>, _>(subjects)
    .bind::<BigInt, _>(since)
    .load(conn)
    .await?)
}

/// Deletes some expired rows, without waiting for another process that does the same.
pub async fn sweep(conn: &mut AsyncPgConnection, now: i64) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM caller_hits WHERE (subject, slot_at, process_id) IN ( \
           SELECT subject, slot_at, process_id FROM caller_hits \
           WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<BigInt, _>(now)
    .bind::<BigInt, _>(SWEEP_BATCH)
    .execute(conn)
    .await?;
    Ok(())
}
