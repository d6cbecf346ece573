//! Compares the items of a document with what is stored, field by field, and writes nothing. The
//! caller passes the items batch by batch, so that a document of any length takes the memory of a
//! batch, and of the ids of all items.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{DifferenceKind, ItemDifference};
use crate::model::changes::ItemKind;
use crate::model::metrics::Metric;
use crate::model::metrics::revision::MetricDiff;
use crate::model::versions::diff::changes_between;
use crate::storage::{StorageError, Transaction, business_domains, metrics};

/// A comparison: the items of the document so far. The transaction must read one snapshot.
#[derive(Debug, Default)]
pub struct CatalogueComparison {
    domains: HashSet<String>,
    metrics: HashSet<String>,
}

impl CatalogueComparison {
    /// Compares further domains.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn domains(
        &mut self,
        conn: &mut Transaction<'_>,
        batch: &[&BusinessDomain],
    ) -> Result<Vec<ItemDifference>, StorageError> {
        let ids: Vec<String> =
            batch.iter().map(|domain| domain.domain_id.as_str().to_owned()).collect();
        let rows = business_domains::get_many(conn, &ids).await?;
        let stored: HashMap<String, _> =
            rows.into_iter().map(|row| (row.domain_id.clone(), row)).collect();
        self.domains.extend(ids);
        let compare = |domain: &&BusinessDomain| {
            let id = domain.domain_id.as_str();
            let Some(row) = stored.get(id) else { return Ok(created(ItemKind::Domain, id)) };
            compared(ItemKind::Domain, id, &row.to_domain()?, *domain)
        };
        batch.iter().map(compare).collect()
    }

    /// Compares further metrics.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn metrics(
        &mut self,
        conn: &mut Transaction<'_>,
        batch: &[&Metric],
    ) -> Result<Vec<ItemDifference>, StorageError> {
        let ids: Vec<&str> = batch.iter().map(|metric| metric.metric_id.as_str()).collect();
        let rows = metrics::get_many(conn, &ids).await?;
        let stored: HashMap<String, _> =
            rows.into_iter().map(|row| (row.metric_id.clone(), row)).collect();
        self.metrics.extend(ids.into_iter().map(str::to_owned));
        let compare = |metric: &&Metric| {
            let id = metric.metric_id.as_str();
            let Some(row) = stored.get(id) else { return Ok(created(ItemKind::Metric, id)) };
            let present = row.to_metric()?;
            // The rule by which an import finds that a metric is unchanged.
            match MetricDiff::between(&present, metric) {
                None => Ok(ItemDifference::changed(ItemKind::Metric, id, Vec::new())),
                Some(_) => compared(ItemKind::Metric, id, &present, *metric),
            }
        };
        batch.iter().map(compare).collect()
    }

    /// Returns the stored items that the document does not have, by id.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn missing(
        self,
        conn: &mut Transaction<'_>,
    ) -> Result<Vec<ItemDifference>, StorageError> {
        let domains = business_domains::list_names(conn).await?.into_iter().map(|(_, id)| id);
        let metrics = metrics::list_ids(conn).await?;
        let mut domains: Vec<String> = domains.filter(|id| !self.domains.contains(id)).collect();
        let mut metrics: Vec<String> =
            metrics.into_iter().filter(|id| !self.metrics.contains(id)).collect();
        domains.sort_unstable();
        metrics.sort_unstable();
        let missing =
            |kind| move |id: String| ItemDifference::new(DifferenceKind::Missing, kind, &id);
        let domains = domains.into_iter().map(missing(ItemKind::Domain));
        Ok(domains.chain(metrics.into_iter().map(missing(ItemKind::Metric))).collect())
    }
}

fn created(kind: ItemKind, id: &str) -> ItemDifference {
    ItemDifference::new(DifferenceKind::Created, kind, id)
}

fn compared<T: Serialize>(
    kind: ItemKind,
    id: &str,
    stored: &T,
    given: &T,
) -> Result<ItemDifference, StorageError> {
    let changes = changes_between(&value(stored)?, &value(given)?, &[]);
    Ok(ItemDifference::changed(kind, id, changes))
}

fn value<T: Serialize>(item: &T) -> Result<Value, StorageError> {
    serde_json::to_value(item).map_err(StorageError::corrupt_by("a value that is not JSON"))
}
