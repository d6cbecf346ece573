//! Metrics: reading, and changes, each of which gets a version and a revision in the history.
//! Lists are in [`list()`], those as of an instant in `past`, the statements of imports in `bulk`,
//! former versions in `restore`, what the status says to readers in `state`.

mod audited;
mod bulk;
mod completeness;
mod facets;
mod filter;
mod list;
mod on_walk;
mod past;
mod relations;
mod restore;
mod row;
mod selection;
mod state;

use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use self::audited::audited_changes;
pub use self::bulk::{ChangedMetric, create_many, replace_many};
pub use self::facets::{FacetValue, count_facets};
pub use self::filter::list_matching;
pub use self::list::{ListedMetrics, count, list};
pub use self::past::past_list;
pub use self::relations::{DeletePolicy, RefusedChange, RelationChanges, UnknownIds};
use self::relations::{ensure_sound, ensure_unused};
pub use self::restore::restore_version;
pub use self::row::MetricRow;
use self::row::{AuthorColumns, ContentColumns, HistoryColumns};
pub use self::state::{DeprecationNotice, completeness_of, find_deprecation};
use super::document::Document;
use super::metric_revisions::{self, NewRevision};
use super::precondition::Precondition;
use super::schema::metrics::dsl;
use super::{StorageError, Transaction};
use crate::clock::rfc3339;
use crate::model::audit::Changes;
use crate::model::metrics::Metric;
use crate::model::metrics::history::ChangeType;
use crate::model::metrics::revision::{FIRST_VERSION, HISTORY_SHOWN, MetricDiff, next_major};
use crate::model::patch::Patch;
use crate::model::versions::{ChangeChannel, RevisionStamp};

/// Gets a metric.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, metric_id: &str) -> Result<MetricRow, StorageError> {
    Ok(dsl::metrics.find(metric_id).select(MetricRow::as_select()).first(conn).await?)
}

/// Returns the ids of all metrics, in no order; for batches over all of them.
pub async fn list_ids(conn: &mut AsyncPgConnection) -> Result<Vec<String>, StorageError> {
    Ok(dsl::metrics.select(dsl::metric_id).load(conn).await?)
}

/// Lists the categories with the most metrics, the largest first.
pub async fn list_top_categories(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    Ok(dsl::metrics
        // Drafts without one.
        .filter(dsl::category.ne(""))
        .group_by(dsl::category)
        .select(dsl::category)
        .order_by((diesel::dsl::count_star().desc(), dsl::category))
        .limit(limit)
        .load(conn)
        .await?)
}

/// Gets those of these metrics that exist, without a lock.
pub async fn get_many(
    conn: &mut AsyncPgConnection,
    ids: &[&str],
) -> Result<Vec<MetricRow>, StorageError> {
    let found = dsl::metrics.filter(dsl::metric_id.eq_any(ids));
    Ok(found.select(MetricRow::as_select()).load(conn).await?)
}

/// Locks these metrics until the transaction ends, and returns them.
pub async fn lock_many(
    conn: &mut Transaction<'_>,
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

/// Stores a new metric.
///
/// # Errors
/// [`StorageError::Duplicate`] with `metric_id`, [`StorageError::Invalid`] for a domain or another
/// metric that does not exist, and for a metric that would derive from itself.
pub async fn create(
    conn: &mut Transaction<'_>,
    metric: &Metric,
    stamp: RevisionStamp<'_>,
) -> Result<MetricRow, StorageError> {
    let id = metric.metric_id.as_str();
    ensure_sound(conn, None, metric).await?;
    let former = metric_revisions::find_latest(conn, id).await?;
    let former = former.as_ref().map(|(revision, version)| (*revision, version.as_str()));
    let revision = first_revision(id, former, stamp);
    insert(conn, metric, &revision, stamp).await
}

/// Inserts a metric and its first revision.
async fn insert(
    conn: &mut Transaction<'_>,
    metric: &Metric,
    revision: &NewRevision,
    stamp: RevisionStamp<'_>,
) -> Result<MetricRow, StorageError> {
    let columns = (
        dsl::metric_id.eq(&revision.metric_id),
        ContentColumns::new(metric)?,
        HistoryColumns::first(&revision.entry)?,
        AuthorColumns::first(stamp),
    );
    let row = diesel::insert_into(dsl::metrics)
        .values(columns)
        .returning(MetricRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_constraint)?;
    metric_revisions::insert(conn, revision).await?;
    Ok(row)
}

/// Returns the first revision of a new metric, or the next one of a metric that was deleted: no
/// version is used twice.
fn first_revision(id: &str, former: Option<(i32, &str)>, stamp: RevisionStamp<'_>) -> NewRevision {
    let (revision, version) = former.map_or_else(
        || (1, FIRST_VERSION.to_owned()),
        |(revision, version)| (revision.saturating_add(1), next_major(version)),
    );
    let change = (ChangeType::Create, Vec::new(), "Created".to_owned());
    NewRevision::new(id, (revision, &version), change, stamp)
}

fn map_constraint(error: diesel::result::Error) -> StorageError {
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

/// Applies a patch of either kind to a metric. Returns what it changed, for the audit log, or none
/// if nothing changed.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], [`StorageError::Invalid`].
pub async fn update(
    conn: &mut Transaction<'_>,
    metric_id: &str,
    precondition: &Precondition,
    patch: &Patch<Metric>,
    stamp: RevisionStamp<'_>,
) -> Result<(MetricRow, Option<Changes>), StorageError> {
    // The lock serialises the writers of a metric: the second sees the changes of the first.
    let row = lock(conn, metric_id).await?;
    precondition.check(&row.version)?;
    let before = row.to_metric()?;
    let metric = patch.apply_to(&before).map_err(StorageError::Invalid)?;
    if metric.metric_id.as_str() != metric_id {
        return Err(StorageError::invalid("metric_id", "cannot be changed"));
    }
    match MetricDiff::between(&before, &metric) {
        None => Ok((row, None)),
        Some(diff) => {
            ensure_sound(conn, Some(&before), &metric).await?;
            let revision = changed_revision(&row, &diff, stamp);
            replace(conn, &row, &metric, (&diff, &revision), stamp).await
        }
    }
}

/// Replaces a metric that the transaction has locked, and inserts the revision of the change.
async fn replace(
    conn: &mut Transaction<'_>,
    row: &MetricRow,
    metric: &Metric,
    (diff, revision): (&MetricDiff, &NewRevision),
    stamp: RevisionStamp<'_>,
) -> Result<(MetricRow, Option<Changes>), StorageError> {
    let changes = audited_changes(diff, (&row.version, &revision.entry.version));
    let updated = diesel::update(dsl::metrics.find(&row.metric_id))
        .set((
            ContentColumns::changed(row, metric, diff)?,
            HistoryColumns::appended(row, &revision.entry)?,
            dsl::updated_at.eq(stamp.now),
            dsl::updated_by.eq(stamp.author),
        ))
        .returning(MetricRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_constraint)?;
    metric_revisions::insert(conn, revision).await?;
    Ok((updated, Some(changes)))
}

/// Returns the revision of a metric that is changed.
fn changed_revision(row: &MetricRow, diff: &MetricDiff, stamp: RevisionStamp<'_>) -> NewRevision {
    let version = diff.next_version(&row.version);
    let change = (ChangeType::Update, diff.paths(), diff.summary());
    let revision = (row.revision.saturating_add(1), version.as_str());
    NewRevision::new(&row.metric_id, revision, change, stamp)
}

async fn lock(conn: &mut Transaction<'_>, metric_id: &str) -> Result<MetricRow, StorageError> {
    Ok(dsl::metrics.find(metric_id).select(MetricRow::as_select()).for_update().first(conn).await?)
}

/// Deletes a metric, but not its history. Returns the version that it had.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], [`StorageError::HasDependents`].
pub async fn delete(
    conn: &mut Transaction<'_>,
    metric_id: &str,
    precondition: &Precondition,
    policy: DeletePolicy,
    stamp: RevisionStamp<'_>,
) -> Result<String, StorageError> {
    let row = lock(conn, metric_id).await?;
    precondition.check(&row.version)?;
    if policy == DeletePolicy::Unused {
        ensure_unused(conn, metric_id).await?;
    }
    diesel::delete(dsl::metrics.find(metric_id)).execute(conn).await?;
    let change = (ChangeType::Delete, Vec::new(), "Deleted".to_owned());
    let revision =
        NewRevision::new(metric_id, (row.revision.saturating_add(1), &row.version), change, stamp);
    metric_revisions::insert(conn, &revision).await?;
    Ok(row.version)
}

/// Records the rename of a domain as a revision of each of its metrics, with one statement. Another
/// `business_domain` raises the minor version, as in [`MetricDiff::next_version`].
pub async fn record_domain_rename(
    conn: &mut Transaction<'_>,
    name: &str,
    stamp: RevisionStamp<'_>,
) -> Result<(), StorageError> {
    let statement = format!(
        "WITH change AS ( \
             SELECT metric_id, revision + 1 AS revision, \
                 split_part(version, '.', 1) || '.' \
                 || (split_part(version, '.', 2)::bigint + 1) || '.0' AS version \
             FROM metrics WHERE business_domain = $1 \
         ), updated AS ( \
             UPDATE metrics SET \
                 version = change.version, revision = change.revision, \
                 updated_at = $2, updated_by = $3, \
                 change_history = jsonb_path_query_array(jsonb_build_array(jsonb_build_object( \
                     'revision', change.revision, 'version', change.version, \
                     'changed_at', $4, 'changed_by', $3, 'change_type', 'update', \
                     'fields_changed', $5, 'changes_summary', $6 \
                 )) || change_history, '$[0 to {last}]') \
             FROM change WHERE metrics.metric_id = change.metric_id \
         ) \
         INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by, \
             change_type, fields_changed, changes_summary, channel) \
         SELECT metric_id, revision, version, $2, $3, 'update', $5, $6, $7 FROM change",
        last = HISTORY_SHOWN - 1,
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(name)
        .bind::<Timestamptz, _>(stamp.now)
        .bind::<Text, _>(stamp.author)
        .bind::<Text, _>(rfc3339(stamp.now))
        .bind::<Jsonb, _>(Document::new(&["business_domain"])?)
        .bind::<Text, _>("Its business domain was renamed")
        .bind::<Text, _>(ChangeChannel::DomainRename.as_ref())
        .execute(conn)
        .await?;
    Ok(())
}
