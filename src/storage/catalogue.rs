//! The catalogue as a whole: import in one transaction, export in pieces.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;

use super::{StorageError, business_domains, metrics};
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{Catalogue, Draft, DraftItem, ItemReport, Outcome, Shown};
use crate::model::metrics::Metric;
use crate::model::violations::{Violation, Violations};

/// How many metrics are looked up, and how many are written, at a time.
const BATCH: usize = 500;

/// Brings a draft into the catalogue: what is new is created, what differs is replaced, nothing is
/// deleted. Needs a transaction, which the caller rolls back for a dry run or when an item has an
/// error. `progress` hears how many items are done.
pub async fn import(
    conn: &mut AsyncPgConnection,
    draft: &Draft,
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

/// The business domains that there are.
struct Domains {
    rows: HashMap<String, business_domains::DomainRow>,
    /// Which of them has a name.
    names: HashMap<String, String>,
}

/// Returns the domains that there are now.
async fn import_domains(
    conn: &mut AsyncPgConnection,
    draft: &Draft,
    author: &str,
    now: DateTime<Utc>,
    reports: &mut Reports,
) -> Result<Domains, StorageError> {
    let rows = business_domains::lock_all(conn).await?;
    let names = rows.iter().map(|row| (row.name.clone(), row.domain_id.clone())).collect();
    let rows = rows.into_iter().map(|row| (row.domain_id.clone(), row)).collect();
    let mut stored = Domains { rows, names };
    for (place, item) in draft.domains.iter().enumerate() {
        let path = format!("domains[{place}]");
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
    conn: &mut AsyncPgConnection,
    stored: &mut Domains,
    domain: &BusinessDomain,
    author: &str,
    now: DateTime<Utc>,
) -> Result<Result<Outcome, Violation>, StorageError> {
    let (id, name) = (domain.domain_id.as_str(), domain.name.as_str());
    // Asked beforehand: a refusal by the database would end the transaction.
    if stored.names.get(name).is_some_and(|owner| owner != id) {
        return Ok(Err(Violation::new("name", "belongs to another business domain")));
    }
    let (row, outcome) = match stored.rows.remove(id) {
        None => (business_domains::create(conn, domain, now).await?, Outcome::Created),
        Some(row) => {
            let version = row.version;
            stored.names.remove(&row.name);
            let row = business_domains::replace(conn, row, domain, author, now).await?;
            let outcome =
                if row.version == version { Outcome::Unchanged } else { Outcome::Updated };
            (row, outcome)
        }
    };
    stored.names.insert(row.name.clone(), id.to_owned());
    stored.rows.insert(id.to_owned(), row);
    Ok(Ok(outcome))
}

async fn import_metrics(
    conn: &mut AsyncPgConnection,
    (first, batch): (usize, &[DraftItem<Metric>]),
    domains: &Domains,
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
    for (place, item) in batch.iter().enumerate() {
        let outcome = match &item.parsed {
            Err(violations) => Err(violations.clone()),
            Ok(metric) if !domains.names.contains_key(metric.business_domain.as_str()) => {
                let text = "must be the name of an existing business domain";
                Err(reports.shown.take(vec![Violation::new("business_domain", text)]))
            }
            Ok(metric) => match stored.remove(metric.metric_id.as_str()) {
                None => {
                    new.push(metric.as_ref());
                    Ok(Outcome::Created)
                }
                Some(row) => {
                    let (_, changed) = metrics::replace(conn, row, metric, author, now).await?;
                    Ok(if changed.is_some() { Outcome::Updated } else { Outcome::Unchanged })
                }
            },
        };
        reports.add(format!("metrics[{}]", first + place), item, outcome);
    }
    if !new.is_empty() {
        metrics::create(conn, &new, author, now).await?;
    }
    Ok(())
}

/// What became of the items so far.
#[derive(Default)]
struct Reports {
    items: Vec<ItemReport>,
    /// Of the violations that the database knows of; those of the document itself are counted by
    /// [`Draft::read`].
    shown: Shown,
}

impl Reports {
    fn add<T>(&mut self, path: String, item: &DraftItem<T>, outcome: Result<Outcome, Violations>) {
        let (outcome, Violations { shown, omitted }) = match outcome {
            Ok(outcome) => (outcome, Violations::default()),
            Err(violations) => (Outcome::Error, violations),
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

/// The whole catalogue as a document, without what the server sets. `progress` hears how many items
/// are read.
pub async fn export(
    conn: &mut AsyncPgConnection,
    progress: impl Fn(usize),
) -> Result<Catalogue, StorageError> {
    let (rows, _) = business_domains::list(conn, 0, i64::MAX).await?;
    let domains =
        rows.iter().map(business_domains::DomainRow::to_domain).collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    let mut last = String::new();
    loop {
        let page = metrics::after(conn, &last, i64::try_from(BATCH).unwrap_or(i64::MAX)).await?;
        let Some(row) = page.last() else { break };
        last.clone_from(&row.metric_id);
        for row in &page {
            all.push(row.to_metric()?);
        }
        progress(domains.len().saturating_add(all.len()));
    }
    Ok(Catalogue { domains, metrics: all })
}
