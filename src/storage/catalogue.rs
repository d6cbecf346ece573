//! The catalogue as a whole: import in one transaction, export in batches.

mod record;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

pub use self::record::record_import;
use super::{StorageError, Transaction, business_domains, metrics};
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{
    Catalogue, CatalogueDraft, DraftItem, ItemOutcome, ItemReport, ViolationBudget,
};
use crate::model::metrics::Metric;
use crate::model::violations::{Violation, Violations};

/// Number of metrics that one statement reads or writes.
const BATCH: usize = 500;

/// Imports a draft: new items are created, different ones are replaced, nothing is deleted. The
/// caller rolls the transaction back for a dry run, or when an item has an error. `progress` is
/// called with the number of items that are done.
pub async fn import(
    conn: &mut Transaction<'_>,
    draft: &CatalogueDraft,
    author: &str,
    now: DateTime<Utc>,
    progress: impl Fn(usize),
) -> Result<Vec<ItemReport>, StorageError> {
    let mut reports = Reports::default();
    let domains = import_domains(conn, draft, author, now, &mut reports).await?;
    progress(reports.items.len());
    for (number, batch) in draft.metrics.chunks(BATCH).enumerate() {
        import_metrics(conn, (number * BATCH, batch), &domains, (author, now), &mut reports)
            .await?;
        progress(reports.items.len());
    }
    Ok(reports.items)
}

/// The business domains that are stored so far.
struct StoredDomains {
    rows: HashMap<String, business_domains::DomainRow>,
    /// The id of the domain with a name.
    ids_by_name: HashMap<String, String>,
}

/// Imports the domains. Returns all that are stored then.
async fn import_domains(
    conn: &mut Transaction<'_>,
    draft: &CatalogueDraft,
    author: &str,
    now: DateTime<Utc>,
    reports: &mut Reports,
) -> Result<StoredDomains, StorageError> {
    let rows = business_domains::lock_all(conn).await?;
    let ids_by_name = rows.iter().map(|row| (row.name.clone(), row.domain_id.clone())).collect();
    let rows = rows.into_iter().map(|row| (row.domain_id.clone(), row)).collect();
    let mut stored = StoredDomains { rows, ids_by_name };
    for (index, item) in draft.domains.iter().enumerate() {
        let path = format!("domains[{index}]");
        let outcome = match &item.parsed {
            Err(violations) => Err(violations.clone()),
            Ok(domain) => {
                let outcome = import_domain(conn, &mut stored, domain, author, now).await?;
                outcome.map_err(|violation| reports.shown.take(vec![violation]))
            }
        };
        reports.add(path, item, outcome);
    }
    Ok(stored)
}

async fn import_domain(
    conn: &mut Transaction<'_>,
    stored: &mut StoredDomains,
    domain: &BusinessDomain,
    author: &str,
    now: DateTime<Utc>,
) -> Result<Result<ItemOutcome, Violation>, StorageError> {
    let (id, name) = (domain.domain_id.as_str(), domain.name.as_str());
    // Checked beforehand: a constraint violation would abort the transaction.
    if stored.ids_by_name.get(name).is_some_and(|owner| owner != id) {
        return Ok(Err(Violation::new("name", "belongs to another business domain")));
    }
    let (row, outcome) = match stored.rows.remove(id) {
        None => (business_domains::create(conn, domain, now).await?, ItemOutcome::Created),
        Some(row) => {
            let version = row.version;
            stored.ids_by_name.remove(&row.name);
            let row = business_domains::replace(conn, row, domain, author, now).await?;
            let outcome =
                if row.version == version { ItemOutcome::Unchanged } else { ItemOutcome::Updated };
            (row, outcome)
        }
    };
    stored.ids_by_name.insert(row.name.clone(), id.to_owned());
    stored.rows.insert(id.to_owned(), row);
    Ok(Ok(outcome))
}

async fn import_metrics(
    conn: &mut Transaction<'_>,
    (first, batch): (usize, &[DraftItem<Metric>]),
    domains: &StoredDomains,
    (author, now): (&str, DateTime<Utc>),
    reports: &mut Reports,
) -> Result<(), StorageError> {
    let ids: Vec<&str> = batch
        .iter()
        .filter_map(|item| item.parsed.as_ref().ok())
        .map(|metric| metric.metric_id.as_str())
        .collect();
    let mut stored: HashMap<String, metrics::MetricRow> = metrics::lock_many(conn, &ids)
        .await?
        .into_iter()
        .map(|row| (row.metric_id.clone(), row))
        .collect();
    let mut new = Vec::new();
    for (index, item) in batch.iter().enumerate() {
        let outcome = match &item.parsed {
            Err(violations) => Err(violations.clone()),
            Ok(metric) if !domains.ids_by_name.contains_key(metric.business_domain.as_str()) => {
                let text = "must be the name of an existing business domain";
                Err(reports.shown.take(vec![Violation::new("business_domain", text)]))
            }
            Ok(metric) => match stored.remove(metric.metric_id.as_str()) {
                None => {
                    new.push(metric.as_ref());
                    Ok(ItemOutcome::Created)
                }
                Some(row) => {
                    let (_, changed) = metrics::replace(conn, row, metric, author, now).await?;
                    Ok(if changed.is_some() {
                        ItemOutcome::Updated
                    } else {
                        ItemOutcome::Unchanged
                    })
                }
            },
        };
        reports.add(format!("metrics[{}]", first + index), item, outcome);
    }
    if !new.is_empty() {
        metrics::create(conn, &new, author, now).await?;
    }
    Ok(())
}

/// The reports of the items so far.
#[derive(Default)]
struct Reports {
    items: Vec<ItemReport>,
    /// Limits the violations that are found against the stored data; those of the document itself
    /// are limited by [`CatalogueDraft::parse`].
    shown: ViolationBudget,
}

impl Reports {
    fn add<T>(
        &mut self,
        path: String,
        item: &DraftItem<T>,
        outcome: Result<ItemOutcome, Violations>,
    ) {
        let (outcome, Violations { shown, omitted }) = match outcome {
            Ok(outcome) => (outcome, Violations::default()),
            Err(violations) => (ItemOutcome::Error, violations),
        };
        let errors = shown.into_iter().map(|violation| violation.under(&path)).collect();
        self.items.push(ItemReport {
            path,
            id: item.id.clone(),
            outcome,
            errors,
            errors_omitted: omitted,
        });
    }
}

/// Exports the whole catalogue as a document, without the fields that the server sets. `progress`
/// is called with the number of items that are read.
pub async fn export(
    conn: &mut Transaction<'_>,
    progress: impl Fn(usize),
) -> Result<Catalogue, StorageError> {
    let (rows, _) = business_domains::list(conn, 0, i64::MAX).await?;
    let domains =
        rows.iter().map(business_domains::DomainRow::to_domain).collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    let mut last = String::new();
    loop {
        let page =
            metrics::list_after(conn, &last, i64::try_from(BATCH).unwrap_or(i64::MAX)).await?;
        let Some(row) = page.last() else { break };
        last.clone_from(&row.metric_id);
        for row in &page {
            all.push(row.to_metric()?);
        }
        progress(domains.len().saturating_add(all.len()));
    }
    Ok(Catalogue { domains, metrics: all })
}
