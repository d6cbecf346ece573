//! Metrics: reading one, and every change with its version and its place in the history.

mod list;
mod row;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

pub use self::list::list;
pub use self::row::MetricRow;
use self::row::{Authorship, ContentColumns, History};
use super::metric_revisions::{self, NewRevision};
use super::precondition::Precondition;
use super::schema::metrics::dsl;
use super::{StorageError, document::Document};
use crate::clock::rfc3339;
use crate::model::audit::Changes;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::{Change, ChangeType, FIRST_VERSION, HISTORY_SHOWN};
use crate::model::patch::Patch;

/// One metric.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, metric_id: &str) -> Result<MetricRow, StorageError> {
    Ok(dsl::metrics.find(metric_id).select(MetricRow::as_select()).first(conn).await?)
}

/// Up to `limit` metrics whose id comes after `after`, by id; for going through all of them.
pub async fn after(
    conn: &mut AsyncPgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<MetricRow>, StorageError> {
    Ok(dsl::metrics
        .filter(dsl::metric_id.gt(after))
        .select(MetricRow::as_select())
        .order_by(dsl::metric_id)
        .limit(limit)
        .load(conn)
        .await?)
}

/// How many metrics there are.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    use super::schema::catalogue_totals::dsl as totals;
    Ok(totals::catalogue_totals.select(totals::metrics).first(conn).await?)
}

/// The categories of most metrics, the commonest first.
pub async fn commonest_categories(
    conn: &mut AsyncPgConnection,
    most: i64,
) -> Result<Vec<String>, StorageError> {
    Ok(dsl::metrics
        .group_by(dsl::category)
        .select(dsl::category)
        .order_by((diesel::dsl::count_star().desc(), dsl::category))
        .limit(most)
        .load(conn)
        .await?)
}

/// These metrics, locked against change until the transaction ends.
pub async fn lock_many(
    conn: &mut AsyncPgConnection,
    ids: &[&str],
) -> Result<Vec<MetricRow>, StorageError> {
    Ok(dsl::metrics
        .filter(dsl::metric_id.eq_any(ids))
        .select(MetricRow::as_select())
        .order_by(dsl::metric_id)
        .for_update()
        .load(conn)
        .await?)
}

/// Stores new metrics, in few statements. Needs a transaction.
///
/// # Errors
/// [`StorageError::Duplicate`] with `metric_id`, [`StorageError::Invalid`] for a domain that does not exist.
pub async fn create(
    conn: &mut AsyncPgConnection,
    new: &[&Metric],
    author: &str,
    now: DateTime<Utc>,
) -> Result<Vec<MetricRow>, StorageError> {
    let ids: Vec<&str> = new.iter().map(|metric| metric.metric_id.as_str()).collect();
    let former = metric_revisions::last(conn, &ids).await?;
    let mut rows = Vec::with_capacity(new.len());
    let mut revisions = Vec::with_capacity(new.len());
    for metric in new {
        let id = metric.metric_id.as_str();
        // A metric that is created again goes on where it ended: no version ever means two things.
        let (revision, version) = former.iter().find(|(former, ..)| former == id).map_or_else(
            || (1, FIRST_VERSION.to_owned()),
            |(_, revision, version)| (revision.saturating_add(1), next_major(version)),
        );
        let what = (ChangeType::Create, Vec::new(), "Created".to_owned());
        let revision = NewRevision::new(id, (revision, &version), what, author, now);
        let history = History::starting_with(&revision.entry)?;
        rows.push((
            dsl::metric_id.eq(id),
            ContentColumns::of(metric)?,
            history,
            Authorship { created_at: now, created_by: author, updated_at: now, updated_by: author },
        ));
        revisions.push(revision);
    }
    let rows = diesel::insert_into(dsl::metrics)
        .values(rows)
        .returning(MetricRow::as_returning())
        .get_results(conn)
        .await
        .map_err(refused)?;
    metric_revisions::insert(conn, &revisions).await?;
    Ok(rows)
}

fn next_major(version: &str) -> String {
    Change { fields: vec!["category".into()] }.next_version(version)
}

fn refused(error: diesel::result::Error) -> StorageError {
    StorageError::from(error)
        .on_constraint("metrics_pkey", StorageError::Duplicate("metric_id"))
        .on_constraint(
            "metrics_business_domain_fkey",
            StorageError::invalid(
                "business_domain",
                "must be the name of an existing business domain",
            ),
        )
}

/// Lays the top-level fields of `patch` over a metric; what is absent stays as it is. Says what it
/// changed, for the audit log. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], [`StorageError::Invalid`].
pub async fn update(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    precondition: &Precondition,
    patch: &Patch<Metric>,
    author: &str,
    now: DateTime<Utc>,
) -> Result<(MetricRow, Option<Changes>), StorageError> {
    // The lock puts two writers of one metric in line: the second sees what the first has done.
    let row = lock(conn, metric_id).await?;
    precondition.check(&row.version)?;
    let metric = patch.over(&row.to_metric()?).map_err(StorageError::Invalid)?;
    if metric.metric_id.as_str() != metric_id {
        return Err(StorageError::invalid("metric_id", "cannot be changed"));
    }
    replace(conn, row, &metric, author, now).await
}

/// Replaces a locked metric, if that changes anything; says what it changed: names and versions,
/// the history has the rest.
///
/// # Errors
/// [`StorageError::Invalid`] for a domain that does not exist.
pub async fn replace(
    conn: &mut AsyncPgConnection,
    row: MetricRow,
    metric: &Metric,
    author: &str,
    now: DateTime<Utc>,
) -> Result<(MetricRow, Option<Changes>), StorageError> {
    let Some(change) = Change::between(&row.to_metric()?, metric) else { return Ok((row, None)) };
    let (revision, version) = (row.revision.saturating_add(1), change.next_version(&row.version));
    let summary = change.summary();
    let mut changes = Changes::version(Some(row.version.as_str()), Some(version.as_str()));
    change.fields.iter().for_each(|field| _ = changes.name(field));
    let what = (ChangeType::Update, change.fields, summary);
    let revision = NewRevision::new(&row.metric_id, (revision, &version), what, author, now);
    let updated = diesel::update(dsl::metrics.find(&row.metric_id))
        .set((
            ContentColumns::of(metric)?,
            History::continued(&row, &revision.entry)?,
            dsl::updated_at.eq(now),
            dsl::updated_by.eq(author),
        ))
        .returning(MetricRow::as_returning())
        .get_result(conn)
        .await
        .map_err(refused)?;
    metric_revisions::insert(conn, &[revision]).await?;
    Ok((updated, Some(changes)))
}

async fn lock(conn: &mut AsyncPgConnection, metric_id: &str) -> Result<MetricRow, StorageError> {
    Ok(dsl::metrics.find(metric_id).select(MetricRow::as_select()).for_update().first(conn).await?)
}

/// Removes a metric; its history stays. Returns the version that it had. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`].
pub async fn delete(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    precondition: &Precondition,
    author: &str,
    now: DateTime<Utc>,
) -> Result<String, StorageError> {
    let row = lock(conn, metric_id).await?;
    precondition.check(&row.version)?;
    diesel::delete(dsl::metrics.find(metric_id)).execute(conn).await?;
    let what = (ChangeType::Delete, Vec::new(), "Deleted".to_owned());
    let revision = NewRevision::new(
        metric_id,
        (row.revision.saturating_add(1), &row.version),
        what,
        author,
        now,
    );
    metric_revisions::insert(conn, &[revision]).await?;
    Ok(row.version)
}

/// Notes the renaming of a domain as a change of each of its metrics, in one statement whatever
/// their number. Another `business_domain` is a minor version, as in [`Change::next_version`].
pub async fn renamed_domain(
    conn: &mut AsyncPgConnection,
    name: &str,
    author: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let statement = format!(
        "WITH change AS (
             SELECT metric_id, revision + 1 AS revision,
                    split_part(version, '.', 1) || '.' || (split_part(version, '.', 2)::bigint + 1) || '.0' AS version
             FROM metrics WHERE business_domain = $1
         ), updated AS (
             UPDATE metrics SET
                 version = change.version, revision = change.revision, updated_at = $2, updated_by = $3,
                 change_history = jsonb_path_query_array(jsonb_build_array(jsonb_build_object(
                     'revision', change.revision, 'version', change.version, 'changed_at', $4, 'changed_by', $3,
                     'change_type', 'update', 'fields_changed', $5, 'changes_summary', $6
                 )) || change_history, '$[0 to {last}]')
             FROM change WHERE metrics.metric_id = change.metric_id
         )
         INSERT INTO metric_revisions
             (metric_id, revision, version, changed_at, changed_by, change_type, fields_changed, changes_summary)
         SELECT metric_id, revision, version, $2, $3, 'update', $5, $6 FROM change",
        last = HISTORY_SHOWN - 1,
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(name)
        .bind::<Timestamptz, _>(now)
        .bind::<Text, _>(author)
        .bind::<Text, _>(rfc3339(now))
        .bind::<diesel::sql_types::Jsonb, _>(Document::of(&["business_domain"])?)
        .bind::<Text, _>("Its business domain was renamed")
        .execute(conn)
        .await?;
    Ok(())
}
