//! What the small limits have counted, shared by all processes.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::schema::rate_limit_hits::dsl;
use crate::rate_limit::sliding_window::{Hits, Quota, Standing, Wait};

/// What a hit is counted against.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its key in the table.
    pub subject: String,
    pub quota: Quota,
    /// Whether a full bucket refuses the request. If not, it only takes the hit if it has room.
    pub decides: bool,
}

/// A bucket after a hit.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Whether the bucket took the hit, and what is left; a full one that does not decide takes
    /// none.
    pub standing: Option<Standing>,
    /// Its hits before this one, in milliseconds since 1970.
    pub before: Vec<i64>,
}

/// No bucket took a hit, because this one is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Its place in the list.
    pub index: usize,
    /// Milliseconds until it has room.
    pub wait: Wait,
}

/// Takes a hit for every bucket, if each that decides has one left; else for none. Needs a
/// transaction; others that reserve for the same subject wait for its end.
pub async fn reserve(
    conn: &mut AsyncPgConnection,
    buckets: &[Bucket],
    hit_id: Uuid,
    now: i64,
) -> Result<Result<Vec<Counted>, Full>, StorageError> {
    let subjects: Vec<&str> = buckets.iter().map(|bucket| bucket.subject.as_str()).collect();
    // In one order, so that no two wait for each other.
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
    let mut counted = Vec::with_capacity(buckets.len());
    for (index, bucket) in buckets.iter().enumerate() {
        let own = hits.iter().filter(|(subject, _)| *subject == bucket.subject).map(|(_, at)| *at);
        let before: Vec<i64> = own.collect();
        let standing = match Hits::of(before.clone()).reserve(bucket.quota, now) {
            Ok(standing) => Some(standing),
            Err(wait) if bucket.decides => return Ok(Err(Full { index, wait })),
            Err(_) => None,
        };
        counted.push(Counted { standing, before });
    }
    let rows: Vec<_> = buckets
        .iter()
        .zip(&counted)
        .filter(|(_, counted)| counted.standing.is_some())
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

/// Clears some of what is over, and never waits for others who do.
async fn sweep(conn: &mut AsyncPgConnection, now: i64) -> Result<(), StorageError> {
    diesel::sql_query(
        "DELETE FROM rate_limit_hits WHERE (subject, hit_at, hit_id) IN (SELECT subject, hit_at, hit_id \
         FROM rate_limit_hits WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<BigInt, _>(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the hits of a request back, and empties the bucket of the subjects in `cleared`. One
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
