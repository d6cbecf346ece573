//! What the small limits have counted, shared by all processes.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::schema::rate_limit_hits::dsl;
use crate::limits::window::{Hits, Quota, Standing, Wait};

/// Takes a hit for every subject, if each has one left; else for none. Needs a transaction; whoever asks about the same
/// subject at the same time waits for its end.
pub async fn reserve(
    conn: &mut AsyncPgConnection,
    subjects: &[String],
    hit_id: Uuid,
    quota: Quota,
    now: i64,
) -> Result<Result<Standing, Wait>, StorageError> {
    // In one order, so that no two wait for each other.
    diesel::sql_query(
        "SELECT count(pg_advisory_xact_lock(hashtextextended(subject, 7))) FROM \
         (SELECT subject FROM unnest($1) AS subjects (subject) ORDER BY subject) AS ordered",
    )
    .bind::<Array<Text>, _>(subjects)
    .execute(conn)
    .await?;
    let counted: Vec<(String, i64)> = dsl::rate_limit_hits
        .filter(dsl::subject.eq_any(subjects).and(dsl::hit_at.gt(now.saturating_sub(quota.window))))
        .select((dsl::subject, dsl::hit_at))
        .load(conn)
        .await?;
    let mut tightest = Standing { remaining: usize::MAX, reset: 0 };
    for subject in subjects {
        let own = counted.iter().filter(|(counted, _)| counted == subject).map(|(_, at)| *at);
        match Hits::of(own.collect()).reserve(quota, now) {
            Ok(standing) if standing.remaining < tightest.remaining => tightest = standing,
            Ok(_) => {}
            Err(wait) => return Ok(Err(wait)),
        }
    }
    let rows: Vec<_> = subjects
        .iter()
        .map(|subject| {
            (
                dsl::hit_id.eq(hit_id),
                dsl::subject.eq(subject),
                dsl::hit_at.eq(now),
                dsl::expires_at.eq(now.saturating_add(quota.window)),
            )
        })
        .collect();
    diesel::insert_into(dsl::rate_limit_hits).values(rows).execute(conn).await?;
    sweep(conn, now).await?;
    Ok(Ok(tightest))
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

/// Gives the hits of a request back.
pub async fn release(conn: &mut AsyncPgConnection, hit_id: Uuid) -> Result<(), StorageError> {
    diesel::delete(dsl::rate_limit_hits.filter(dsl::hit_id.eq(hit_id))).execute(conn).await?;
    Ok(())
}
