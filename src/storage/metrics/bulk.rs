//! Writes many metrics at once, for imports: one statement for each table, whatever their number.
//! The values of a column are one array, so that the text of a statement stays short, and nothing
//! is returned. Triggers run once for each statement.

use std::collections::HashMap;

use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::row::{ContentColumns, HistoryColumns, MetricRow};
use super::{changed_revision, first_revision, map_constraint};
use crate::model::metrics::Metric;
use crate::model::metrics::revision::MetricDiff;
use crate::model::versions::RevisionStamp;
use crate::storage::document::Document;
use crate::storage::metric_revisions;
use crate::storage::{StorageError, Transaction};

/// The columns that differ from metric to metric, in the order of the arrays.
const COLUMNS: [&str; 23] = [
    "metric_id",
    "name",
    "short_name",
    "description",
    "category",
    "tier",
    "business_domain",
    "metric_type",
    "tags",
    "alignment",
    "definition",
    "data",
    "governance",
    "dimensions",
    "targets_and_alerts",
    "visualization",
    "relationships",
    "operational_usage",
    "notes",
    "example_queries",
    "version",
    "revision",
    "change_history",
];

/// A stored metric, and what replaces it.
#[derive(Debug)]
pub struct ChangedMetric<'a> {
    row: MetricRow,
    /// What is stored.
    pub former: Metric,
    metric: &'a Metric,
    diff: MetricDiff,
}

impl<'a> ChangedMetric<'a> {
    /// Compares a row that the transaction has locked with a metric; none if they are equal.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn new(row: MetricRow, metric: &'a Metric) -> Result<Option<Self>, StorageError> {
        let former = row.to_metric()?;
        let diff = MetricDiff::between(&former, metric);
        Ok(diff.map(|diff| Self { row, former, metric, diff }))
    }
}

/// Stores new metrics.
///
/// # Errors
/// As [`super::create`].
pub async fn create_many(
    conn: &mut Transaction<'_>,
    new: &[&Metric],
    stamp: RevisionStamp<'_>,
) -> Result<(), StorageError> {
    let ids: Vec<&str> = new.iter().map(|metric| metric.metric_id.as_str()).collect();
    let former = metric_revisions::list_latest(conn, &ids).await?;
    let former: HashMap<&str, (i32, &str)> = former
        .iter()
        .map(|latest| (latest.metric_id.as_str(), (latest.revision, latest.version.as_str())))
        .collect();
    let (mut rows, mut revisions) = (Vec::new(), Vec::new());
    for (id, metric) in ids.into_iter().zip(new) {
        let revision = first_revision(id, former.get(id).copied(), stamp);
        let history = HistoryColumns::first(&revision.entry)?;
        rows.push(BulkRow { id, content: ContentColumns::new(metric)?, history });
        revisions.push(revision);
    }
    let columns = COLUMNS.join(", ");
    let statement = format!(
        "INSERT INTO metrics ({columns}, created_at, created_by, updated_at, updated_by) \
         SELECT new.*, $24, $25, $24, $25 FROM {new}",
        new = unnested(),
    );
    write(conn, statement, &rows, stamp).await?;
    metric_revisions::insert_many(conn, &revisions).await
}

/// Replaces metrics that the transaction has locked.
///
/// # Errors
/// [`StorageError::Invalid`] for a domain that does not exist.
pub async fn replace_many(
    conn: &mut Transaction<'_>,
    changed: &[ChangedMetric<'_>],
    stamp: RevisionStamp<'_>,
) -> Result<(), StorageError> {
    let (mut rows, mut revisions) = (Vec::new(), Vec::new());
    for ChangedMetric { row, metric, diff, .. } in changed {
        let revision = changed_revision(row, diff, stamp);
        let history = HistoryColumns::appended(row, &revision.entry)?;
        let content = ContentColumns::changed(row, metric, diff)?;
        rows.push(BulkRow { id: &row.metric_id, content, history });
        revisions.push(revision);
    }
    let assignments: Vec<String> =
        COLUMNS.iter().skip(1).map(|column| format!("{column} = new.{column}")).collect();
    let statement = format!(
        "UPDATE metrics SET {}, updated_at = $24, updated_by = $25 FROM {} \
         WHERE metrics.metric_id = new.metric_id",
        assignments.join(", "),
        unnested(),
    );
    write(conn, statement, &rows, stamp).await?;
    metric_revisions::insert_many(conn, &revisions).await
}

/// Returns the arrays $1 to $23 as a table with the name `new`.
fn unnested() -> String {
    let arrays: Vec<String> = (1..=COLUMNS.len()).map(|number| format!("${number}")).collect();
    format!("unnest({}) AS new ({})", arrays.join(", "), COLUMNS.join(", "))
}

/// The columns of one metric.
struct BulkRow<'a> {
    id: &'a str,
    content: ContentColumns<'a>,
    history: HistoryColumns,
}

async fn write(
    conn: &mut Transaction<'_>,
    statement: String,
    rows: &[BulkRow<'_>],
    stamp: RevisionStamp<'_>,
) -> Result<(), StorageError> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sql_query(statement).into_boxed::<Pg>();
    let query = texts(query, rows, |row| row.id);
    let query = texts(query, rows, |row| row.content.name);
    let query = texts(query, rows, |row| row.content.short_name);
    let query = texts(query, rows, |row| row.content.description);
    let query = texts(query, rows, |row| row.content.category);
    let query = texts(query, rows, |row| row.content.tier);
    let query = texts(query, rows, |row| row.content.business_domain);
    let query = texts(query, rows, |row| row.content.metric_type);
    let query = documents(query, rows, |row| &row.content.tags);
    let query = documents(query, rows, |row| &row.content.alignment);
    let query = documents(query, rows, |row| &row.content.definition);
    let query = documents(query, rows, |row| &row.content.data);
    let query = documents(query, rows, |row| &row.content.governance);
    let query = documents(query, rows, |row| &row.content.dimensions);
    let query = documents(query, rows, |row| &row.content.targets_and_alerts);
    let query = documents(query, rows, |row| &row.content.visualization);
    let query = documents(query, rows, |row| &row.content.relationships);
    let query = documents(query, rows, |row| &row.content.operational_usage);
    let notes: Vec<Option<&str>> = rows.iter().map(|row| row.content.notes).collect();
    let query = query.bind::<Array<Nullable<Text>>, _>(notes);
    let query = documents(query, rows, |row| &row.content.example_queries);
    let query = texts(query, rows, |row| &row.history.version);
    let revisions: Vec<i32> = rows.iter().map(|row| row.history.revision).collect();
    let query = query.bind::<Array<Integer>, _>(revisions);
    let query = documents(query, rows, |row| &row.history.change_history);
    let query = query.bind::<Timestamptz, _>(stamp.now).bind::<Text, _>(stamp.author);
    query.execute(conn).await.map_err(map_constraint)?;
    Ok(())
}

type Query<'a> = BoxedSqlQuery<'a, Pg, SqlQuery>;

fn texts<'a, 'r>(
    query: Query<'a>,
    rows: &'a [BulkRow<'r>],
    column: impl Fn(&'a BulkRow<'r>) -> &'a str,
) -> Query<'a> {
    query.bind::<Array<Text>, _>(rows.iter().map(column).collect::<Vec<&str>>())
}

fn documents<'a, 'r>(
    query: Query<'a>,
    rows: &'a [BulkRow<'r>],
    column: impl Fn(&'a BulkRow<'r>) -> &'a Document,
) -> Query<'a> {
    query.bind::<Array<Jsonb>, _>(rows.iter().map(column).collect::<Vec<&Document>>())
}
