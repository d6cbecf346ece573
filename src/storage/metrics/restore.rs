//! Restores former versions of metrics: what a version contained becomes a new version.

use super::{MetricRow, changed_revision, ensure_sound, first_revision, insert, lock, replace};
use crate::model::audit::Changes;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::MetricDiff;
use crate::model::trusted::from_stored;
use crate::model::versions::RevisionStamp;
use crate::storage::metric_revisions;
use crate::storage::precondition::Precondition;
use crate::storage::versions::{self, METRICS};
use crate::storage::{StorageError, Transaction};

/// Restores a version of a metric, also of a deleted one, which is then created again. Returns what
/// it changed, for the audit log, or none if the metric has that content already.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::UnknownVersion`], [`StorageError::ContentNotKept`],
/// [`StorageError::Stale`], [`StorageError::CreatedAgain`] for a version of a former metric with
/// the id of a present one, and [`StorageError::Invalid`] if its business domain, or a metric that
/// the present one does not name, does not exist any more.
pub async fn restore_version(
    conn: &mut Transaction<'_>,
    metric_id: &str,
    precondition: &Precondition,
    version: &str,
    stamp: RevisionStamp<'_>,
) -> Result<(MetricRow, Option<Changes>), StorageError> {
    // The lock comes first: what is read after it stays as it is.
    let row = match lock(conn, metric_id).await {
        Err(StorageError::NotFound) => None,
        found => Some(found?),
    };
    let kept = versions::get(conn, METRICS, metric_id, version).await?;
    let revision = kept.entry.revision;
    let content = kept.into_content()?;
    let metric: Metric =
        from_stored(content.text()).map_err(StorageError::corrupt_by("a version of a metric"))?;
    let summary = format!("Restored version {version}");
    let Some(row) = row else {
        let former = metric_revisions::find_latest(conn, metric_id).await?;
        let former = former.as_ref().map(|(revision, version)| (*revision, version.as_str()));
        let last = former.map(|(_, version)| version.to_owned());
        precondition.check_absent(last.as_deref().unwrap_or(version))?;
        ensure_sound(conn, None, &metric).await?;
        let mut revision = first_revision(metric_id, former, stamp);
        revision.entry.changes_summary = summary;
        let row = insert(conn, &metric, &revision, stamp).await?;
        let changes = Changes::version(None, Some(&row.version));
        return Ok((row, Some(changes)));
    };
    precondition.check(&row.version)?;
    let created = versions::last_creation(conn, METRICS, metric_id).await?;
    if created.is_some_and(|created| revision < created) {
        return Err(StorageError::CreatedAgain);
    }
    let present = row.to_metric()?;
    match MetricDiff::between(&present, &metric) {
        None => Ok((row, None)),
        Some(diff) => {
            ensure_sound(conn, Some(&present), &metric).await?;
            let mut revision = changed_revision(&row, &diff, stamp);
            revision.entry.changes_summary = summary;
            replace(conn, &row, &metric, (&diff, &revision), stamp).await
        }
    }
}
