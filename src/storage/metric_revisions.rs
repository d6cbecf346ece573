//! The history of metrics, which is kept when a metric is deleted.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::document::Document;
use super::schema::metric_revisions::{self, dsl};
use super::{StorageError, Transaction};
use crate::clock::rfc3339;
use crate::model::metrics::history::{ChangeType, HistoryEntry};
use crate::model::versions::{ChangeChannel, RevisionStamp};

/// A row of `metric_revisions`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = metric_revisions, check_for_backend(diesel::pg::Pg))]
pub struct RevisionRow {
    pub revision: i32,
    pub version: String,
    pub changed_at: DateTime<Utc>,
    pub changed_by: String,
    pub change_type: String,
    pub fields_changed: Document,
    pub changes_summary: String,
}

/// A revision to be inserted.
#[derive(Clone, Debug)]
pub struct NewRevision {
    pub metric_id: String,
    pub changed_at: DateTime<Utc>,
    pub channel: ChangeChannel,
    pub entry: HistoryEntry,
}

impl NewRevision {
    /// Creates the revision of `metric_id` that is made with this stamp.
    pub fn new(
        metric_id: &str,
        (revision, version): (i32, &str),
        (change_type, fields_changed, summary): (ChangeType, Vec<String>, String),
        stamp: RevisionStamp<'_>,
    ) -> Self {
        let RevisionStamp { author, channel, now } = stamp;
        let entry = HistoryEntry {
            revision,
            version: version.to_owned(),
            changed_at: rfc3339(now),
            changed_by: author.to_owned(),
            change_type,
            fields_changed,
            changes_summary: summary,
        };
        Self { metric_id: metric_id.to_owned(), changed_at: now, channel, entry }
    }
}

/// Inserts a revision.
pub async fn insert(conn: &mut Transaction<'_>, new: &NewRevision) -> Result<(), StorageError> {
    let NewRevision { metric_id, changed_at, channel, entry } = new;
    let columns = (
        dsl::metric_id.eq(metric_id),
        dsl::revision.eq(entry.revision),
        dsl::version.eq(&entry.version),
        dsl::changed_at.eq(changed_at),
        dsl::changed_by.eq(&entry.changed_by),
        dsl::change_type.eq(entry.change_type.as_ref()),
        dsl::fields_changed.eq(Document::new(&entry.fields_changed)?),
        dsl::changes_summary.eq(&entry.changes_summary),
        dsl::channel.eq(channel.as_ref()),
    );
    diesel::insert_into(dsl::metric_revisions).values(columns).execute(conn).await?;
    Ok(())
}

/// Inserts revisions with one statement. The values of a column are one array, so that the text of
/// the statement stays short.
pub async fn insert_many(
    conn: &mut Transaction<'_>,
    new: &[NewRevision],
) -> Result<(), StorageError> {
    if new.is_empty() {
        return Ok(());
    }
    let fields: Result<Vec<_>, _> =
        new.iter().map(|revision| Document::new(&revision.entry.fields_changed)).collect();
    diesel::sql_query(
        "INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by, \
             change_type, fields_changed, changes_summary, channel) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind::<Array<Text>, _>(column(new, |revision| revision.metric_id.as_str()))
    .bind::<Array<Integer>, _>(column(new, |revision| revision.entry.revision))
    .bind::<Array<Text>, _>(column(new, |revision| revision.entry.version.as_str()))
    .bind::<Array<Timestamptz>, _>(column(new, |revision| revision.changed_at))
    .bind::<Array<Text>, _>(column(new, |revision| revision.entry.changed_by.as_str()))
    .bind::<Array<Text>, _>(column(new, |revision| revision.entry.change_type.as_ref()))
    .bind::<Array<Jsonb>, _>(fields?)
    .bind::<Array<Text>, _>(column(new, |revision| revision.entry.changes_summary.as_str()))
    .bind::<Array<Text>, _>(column(new, |revision| revision.channel.as_ref()))
    .execute(conn)
    .await?;
    Ok(())
}

fn column<'a, T>(new: &'a [NewRevision], value: impl Fn(&'a NewRevision) -> T) -> Vec<T> {
    new.iter().map(value).collect()
}

/// Number and version of the last revision of a metric.
#[derive(Clone, Debug, QueryableByName)]
pub struct LatestRevision {
    #[diesel(sql_type = Text)]
    pub metric_id: String,
    #[diesel(sql_type = Integer)]
    pub revision: i32,
    #[diesel(sql_type = Text)]
    pub version: String,
}

/// Finds the last revision of a metric, also of a deleted one.
pub async fn find_latest(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
) -> Result<Option<(i32, String)>, StorageError> {
    Ok(dsl::metric_revisions
        .filter(dsl::metric_id.eq(metric_id))
        .order_by(dsl::revision.desc())
        .select((dsl::revision, dsl::version))
        .first(conn)
        .await
        .optional()?)
}

/// Lists the last revision of each of these metrics, also of deleted ones. One index lookup for
/// each: with `= ANY` the planner, which has no statistics of what an import has just written,
/// compares every revision with every id.
pub async fn list_latest(
    conn: &mut AsyncPgConnection,
    metric_ids: &[&str],
) -> Result<Vec<LatestRevision>, StorageError> {
    let statement = "SELECT wanted.metric_id, latest.revision, latest.version \
         FROM unnest($1) AS wanted (metric_id) CROSS JOIN LATERAL ( \
             SELECT revision, version FROM metric_revisions \
             WHERE metric_revisions.metric_id = wanted.metric_id \
             ORDER BY revision DESC LIMIT 1 \
         ) AS latest";
    Ok(diesel::sql_query(statement).bind::<Array<Text>, _>(metric_ids).load(conn).await?)
}

/// Lists at most `limit` revisions of a metric from `offset` on, newest first, and counts all of
/// them.
///
/// # Errors
/// [`StorageError::NotFound`] if a metric with this id never existed.
pub async fn list(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    offset: i64,
    limit: i64,
) -> Result<(Vec<RevisionRow>, i64), StorageError> {
    let of_metric = dsl::metric_revisions.filter(dsl::metric_id.eq(metric_id));
    let total: i64 = of_metric.count().get_result(conn).await?;
    if total == 0 {
        return Err(StorageError::NotFound);
    }
    let page = of_metric
        .select(RevisionRow::as_select())
        .order_by(dsl::revision.desc())
        .offset(offset)
        .limit(limit)
        .load(conn)
        .await?;
    Ok((page, total))
}
