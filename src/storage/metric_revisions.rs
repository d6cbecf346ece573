//! The history of metrics, which is kept when a metric is deleted.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::document::Document;
use super::schema::metric_revisions::{self, dsl};
use super::{StorageError, Transaction};
use crate::clock::rfc3339;
use crate::model::metrics::history::{ChangeType, HistoryEntry};

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
    pub entry: HistoryEntry,
}

impl NewRevision {
    /// Creates the revision of `metric_id` that `author` makes at `now`.
    pub fn new(
        metric_id: &str,
        (revision, version): (i32, &str),
        (change_type, fields_changed, summary): (ChangeType, Vec<String>, String),
        author: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let entry = HistoryEntry {
            revision,
            version: version.to_owned(),
            changed_at: rfc3339(now),
            changed_by: author.to_owned(),
            change_type,
            fields_changed,
            changes_summary: summary,
        };
        Self { metric_id: metric_id.to_owned(), changed_at: now, entry }
    }
}

/// Inserts revisions with one statement.
pub async fn insert(conn: &mut Transaction<'_>, new: &[NewRevision]) -> Result<(), StorageError> {
    let rows = new
        .iter()
        .map(|NewRevision { metric_id, changed_at, entry }| {
            Ok((
                dsl::metric_id.eq(metric_id),
                dsl::revision.eq(entry.revision),
                dsl::version.eq(&entry.version),
                dsl::changed_at.eq(changed_at),
                dsl::changed_by.eq(&entry.changed_by),
                dsl::change_type.eq(entry.change_type.as_ref()),
                dsl::fields_changed.eq(Document::new(&entry.fields_changed)?),
                dsl::changes_summary.eq(&entry.changes_summary),
            ))
        })
        .collect::<Result<Vec<_>, StorageError>>()?;
    diesel::insert_into(dsl::metric_revisions).values(rows).execute(conn).await?;
    Ok(())
}

/// Lists number and version of the last revision of each of these metrics, also of deleted ones.
pub async fn list_latest(
    conn: &mut AsyncPgConnection,
    metric_ids: &[&str],
) -> Result<Vec<(String, i32, String)>, StorageError> {
    Ok(dsl::metric_revisions
        .filter(dsl::metric_id.eq_any(metric_ids))
        .distinct_on(dsl::metric_id)
        .order_by((dsl::metric_id, dsl::revision.desc()))
        .select((dsl::metric_id, dsl::revision, dsl::version))
        .load(conn)
        .await?)
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
