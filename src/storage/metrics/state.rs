//! What the status of a metric says to those who read it: what a draft still lacks, and since when
//! and in favour of what a metric is deprecated.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::result::OptionalExtension;
use diesel::sql_types::{Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Deserialize;

use super::MetricRow;
use crate::model::completeness::Completeness;
use crate::model::metrics::Metric;
use crate::model::metrics::governance::MetricStatus;
use crate::model::patch::Patchable;
use crate::model::trusted::from_stored;
use crate::storage::StorageError;
use crate::storage::document::Document;

/// The part of `governance` that is read here. Other fields are passed over.
#[derive(Debug, Deserialize)]
struct StoredStatus {
    status: MetricStatus,
    successor_id: Option<String>,
    sunset_on: Option<NaiveDate>,
}

/// What readers of a deprecated metric are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeprecationNotice {
    /// When it became deprecated.
    pub since: DateTime<Utc>,
    /// From the beginning of this day, in UTC, it may be gone.
    pub sunset_on: Option<NaiveDate>,
    /// The metric that replaces it.
    pub successor_id: Option<String>,
}

impl MetricRow {
    /// Returns how complete the metric is. Only drafts are looked through: what breaks that rule in
    /// others is refused when they are written.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] as [`MetricRow::to_metric`].
    pub fn completeness(&self) -> Result<Completeness, StorageError> {
        match self.stored_status()?.status {
            MetricStatus::Draft => Ok(Completeness::of(&self.to_metric()?)),
            MetricStatus::Active | MetricStatus::Deprecated => Ok(Completeness::full()),
        }
    }

    fn stored_status(&self) -> Result<StoredStatus, StorageError> {
        serde_json::from_str(self.governance.text()).map_err(StorageError::corrupt_by("a metric"))
    }
}

#[derive(QueryableByName)]
struct SinceRow {
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
}

/// Returns what readers of a metric are told if it is deprecated. Others cost no statement.
///
/// # Errors
/// [`StorageError::Corrupt`] if its status cannot be read.
pub async fn find_deprecation(
    conn: &mut AsyncPgConnection,
    row: &MetricRow,
) -> Result<Option<DeprecationNotice>, StorageError> {
    let StoredStatus { status, successor_id, sunset_on } = row.stored_status()?;
    if status != MetricStatus::Deprecated {
        return Ok(None);
    }
    // The last change of the status led to the present one.
    let statement = "SELECT changed_at FROM metric_revisions WHERE metric_id = $1 \
         AND (change_type = 'create' OR fields_changed ? 'governance.status') \
         ORDER BY revision DESC LIMIT 1";
    let query = diesel::sql_query(statement).bind::<Text, _>(&row.metric_id);
    let changed: Option<SinceRow> = query.get_result(conn).await.optional()?;
    let since = changed.map_or(row.created_at, |changed| changed.changed_at);
    Ok(Some(DeprecationNotice { since, sunset_on, successor_id }))
}

/// Returns how complete the content of a version is.
///
/// # Errors
/// [`StorageError::Corrupt`] if it has not the structure of a metric.
pub fn completeness_of(content: &Document) -> Result<Completeness, StorageError> {
    let metric: Metric =
        from_stored(content.text()).map_err(StorageError::corrupt_by("a version of a metric"))?;
    Ok(if metric.is_draft() { Completeness::of(&metric) } else { Completeness::full() })
}
