//! Reads the catalogue in batches, for exports. The order is that of the bytes, not of the
//! database's collation, so that exports of equal catalogues are equal; no index has this order
//! where the collation is another one, so the ids are read first and sorted here.

use std::collections::HashSet;
use std::vec::IntoIter;

use crate::model::metrics::query::MetricFilter;
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
    /// Those of domains and of metrics, once they are known.
    ids: Option<(IntoIter<String>, IntoIter<String>)>,
    has_ended: bool,
}

/// Returns the next batch; none after [`ExportBatch::End`]. The transaction must read one snapshot,
/// so that an export shows all of a concurrent change or nothing. With a filter the export has the
/// metrics that match, and their domains.
///
/// # Errors
/// Those of the statements.
pub async fn next_batch(
    conn: &mut Transaction<'_>,
    filter: &MetricFilter,
    position: &mut ExportPosition,
) -> Result<Option<ExportBatch>, StorageError> {
    let (domains, metrics) = match &mut position.ids {
        Some(ids) => ids,
        None => position.ids.insert(ids(conn, filter).await?),
    };
    let ids: Vec<String> = domains.take(BATCH).collect();
    if !ids.is_empty() {
        let mut rows = business_domains::get_many(conn, &ids).await?;
        rows.sort_by(|left, right| left.name.cmp(&right.name));
        return Ok(Some(ExportBatch::Domains(rows)));
    }
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

/// Returns the ids of domains, by name, and of metrics.
async fn ids(
    conn: &mut Transaction<'_>,
    filter: &MetricFilter,
) -> Result<(IntoIter<String>, IntoIter<String>), StorageError> {
    let mut domains = business_domains::list_names(conn).await?;
    let mut metrics = if *filter == MetricFilter::default() {
        metrics::list_ids(conn).await?
    } else {
        let (ids, names): (Vec<_>, HashSet<_>) =
            metrics::list_matching(conn, filter).await?.into_iter().unzip();
        domains.retain(|(name, _)| names.contains(name));
        ids
    };
    domains.sort_unstable();
    metrics.sort_unstable();
    let domains: Vec<String> = domains.into_iter().map(|(_, id)| id).collect();
    Ok((domains.into_iter(), metrics.into_iter()))
}
