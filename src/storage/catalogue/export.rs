//! Reads the whole catalogue in batches, for exports. The order is that of the bytes, not of the
//! database's collation, so that exports of equal catalogues are equal; no index has this order
//! where the collation is another one, so the ids are read first and sorted here.

use std::vec::IntoIter;

use crate::storage::business_domains::{self, DomainRow};
use crate::storage::metrics::{self, MetricRow};
use crate::storage::{StorageError, Transaction};

/// Number of domains or metrics that are read at once. Each may have 256 KiB.
const BATCH: usize = 100;

/// A part of the catalogue: first all domains by name, then the metrics by id.
#[derive(Debug)]
pub enum ExportBatch {
    Domains(Vec<DomainRow>),
    Metrics(Vec<MetricRow>),
    /// All of the catalogue was read. Without it an export has failed.
    End,
}

impl ExportBatch {
    /// Returns the number of metrics.
    pub fn metric_count(&self) -> usize {
        match self {
            Self::Metrics(rows) => rows.len(),
            Self::Domains(_) | Self::End => 0,
        }
    }
}

/// The ids that an export has not read yet.
#[derive(Debug, Default)]
pub struct ExportPosition {
    domains: Option<IntoIter<String>>,
    metrics: Option<IntoIter<String>>,
    has_ended: bool,
}

/// Returns the next batch; none after [`ExportBatch::End`]. The transaction must read one snapshot,
/// so that an export shows all of a concurrent change or nothing.
///
/// # Errors
/// Those of the statements.
pub async fn next_batch(
    conn: &mut Transaction<'_>,
    position: &mut ExportPosition,
) -> Result<Option<ExportBatch>, StorageError> {
    let domains = match &mut position.domains {
        Some(domains) => domains,
        None => position.domains.insert(domain_ids(conn).await?),
    };
    let ids: Vec<String> = domains.take(BATCH).collect();
    if !ids.is_empty() {
        let mut rows = business_domains::get_many(conn, &ids).await?;
        rows.sort_by(|left, right| left.name.cmp(&right.name));
        return Ok(Some(ExportBatch::Domains(rows)));
    }
    let metrics = match &mut position.metrics {
        Some(metrics) => metrics,
        None => position.metrics.insert(metric_ids(conn).await?),
    };
    let ids: Vec<String> = metrics.take(BATCH).collect();
    if !ids.is_empty() {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut rows = metrics::get_many(conn, &ids).await?;
        rows.sort_by(|left, right| left.metric_id.cmp(&right.metric_id));
        return Ok(Some(ExportBatch::Metrics(rows)));
    }
    let has_ended = std::mem::replace(&mut position.has_ended, true);
    Ok((!has_ended).then_some(ExportBatch::End))
}

async fn domain_ids(conn: &mut Transaction<'_>) -> Result<IntoIter<String>, StorageError> {
    let mut names = business_domains::list_names(conn).await?;
    names.sort_unstable();
    let ids: Vec<String> = names.into_iter().map(|(_, id)| id).collect();
    Ok(ids.into_iter())
}

async fn metric_ids(conn: &mut Transaction<'_>) -> Result<IntoIter<String>, StorageError> {
    let mut ids = metrics::list_ids(conn).await?;
    ids.sort_unstable();
    Ok(ids.into_iter())
}
