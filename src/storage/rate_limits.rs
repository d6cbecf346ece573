//! The hits of the small rate limits (log-in, API keys, password reset), shared by all processes.
//! `rate_limit` has the limits that are counted in memory.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::schema::rate_limit_hits::dsl;
use super::{StorageError, Transaction};
use crate::rate_limit::sliding_window::{Hits, Quota, Wait, WindowState};

/// A subject that hits are counted against, and its quota.
#[derive(Clone, Debug)]
pub struct HitBucket {
    /// The key in the table: policy, kind and client.
    pub subject: String,
    pub quota: Quota,
    /// Whether a full bucket refuses the request; otherwise it counts the hit only if it has room.
    pub refuses_when_full: bool,
}

/// A bucket after a hit.
#[derive(Clone, Debug)]
pub struct BucketState {
    /// The window after the hit; none if the bucket was full and did not count it.
    pub window: Option<WindowState>,
    /// Its hits before this one, in milliseconds since 1970.
    pub earlier_hits: Vec<i64>,
}

/// Refusal of a hit, which no bucket has counted, because one of them is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketFull {
    /// The index of the full bucket in the list.
    pub index: usize,
    pub wait: Wait,
}

/// Counts a hit in every bucket, or in none if one that refuses when full is full; then all of
/// these are returned, in the order of `buckets`. Other transactions that reserve for the same
/// subject wait for the end of this one.
pub async fn reserve(
    conn: &mut Transaction<'_>,
    buckets: &[HitBucket],
    hit_id: Uuid,
    now: i64,
) -> Result<Result<Vec<BucketState>, Vec<BucketFull>>, StorageError> {
    let subjects: Vec<&str> = buckets.iter().map(|bucket| bucket.subject.as_str()).collect();
    // Sorted, so that two transactions do not deadlock.
    diesel::sql_query(
        "SELECT count(pg_advisory_xact_lock(hashtextextended(subject, 7))) FROM \
         (SELECT subject FROM unnest($1) AS subjects (subject) ORDER BY subject) AS ordered",
    )
    .bind::<Array<Text>, _>(&subjects)
    .execute(conn)
    .await?;
    let window = buckets.iter().map(|bucket| bucket.quota.window).max().unwrap_or(0);
    let hits: Vec<(String, i64)> = dsl::rate_limit_hits
        .filter(dsl::subject.eq_any(&subjects).and(dsl::hit_at.gt(now.saturating_sub(window))))
        .select((dsl::subject, dsl::hit_at))
        .load(conn)
        .await?;
    let (mut counted, mut full) = (Vec::with_capacity(buckets.len()), Vec::new());
    for (index, bucket) in buckets.iter().enumerate() {
        let own = hits.iter().filter(|(subject, _)| *subject == bucket.subject).map(|(_, at)| *at);
        let earlier_hits: Vec<i64> = own.collect();
        let window = match Hits::from_instants(earlier_hits.clone()).reserve(bucket.quota, now) {
            Ok(window) => Some(window),
            Err(wait) => {
                if bucket.refuses_when_full {
                    full.push(BucketFull { index, wait });
                }
                None
            }
        };
        counted.push(BucketState { window, earlier_hits });
    }
    if !full.is_empty() {
        return Ok(Err(full));
    }
    let rows: Vec<_> = buckets
        .iter()
        .zip(&counted)
        .filter(|(_, counted)| counted.window.is_some())
        .map(|(bucket, _)| {
            (
                dsl::hit_id.eq(hit_id),
                dsl::subject.eq(&bucket.subject),
                dsl::hit_at.eq(now),
                dsl::expires_at.eq(now.saturating_add(bucket.quota.window)),
            )
        })
        .collect();
    diesel::insert_into(dsl::rate_limit_hits).values(rows).execute(conn).await?;
    sweep(conn, now).await?;
    Ok(Ok(counted))
}

/// Deletes some expired hits, without waiting for other transactions that do the same.
async fn sweep(conn: &mut Transaction<'_>, now: i64) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM rate_limit_hits WHERE (subject, hit_at, hit_id) IN ( \
           SELECT subject, hit_at, hit_id FROM rate_limit_hits \
           WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<BigInt, _>(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Releases the hits of a request, and empties the buckets of the subjects in `cleared`, with one
/// statement.
pub async fn release(
    conn: &mut AsyncPgConnection,
    hit_id: Uuid,
    cleared: &[String],
) -> Result<(), StorageError> {
    let released = dsl::hit_id.eq(hit_id).or(dsl::subject.eq_any(cleared));
    diesel::delete(dsl::rate_limit_hits.filter(released)).execute(conn).await?;
    Ok(())
}
