//! Compares the items of a document with what is stored, and writes what differs. The caller passes
//! the items batch by batch, domains first, so that a document of any length takes the memory of a
//! batch.

use std::collections::{HashMap, HashSet};

use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{DraftItem, ImportTally, ItemOutcome, ItemReport, ViolationBudget};
use crate::model::metrics::Metric;
use crate::model::versions::RevisionStamp;
use crate::model::violations::{Violation, Violations};
use crate::storage::business_domains::{self, DomainRow};
use crate::storage::metrics::{
    self, ChangedMetric, MetricRow, RefusedChange, RelationChanges, UnknownIds,
};
use crate::storage::{StorageError, Transaction};

/// An import: new items are created, different ones are replaced, nothing is deleted. Without a
/// writer nothing is written or locked, and the reports say what an import would do: a dry run must
/// not block writers, and cannot deadlock with them. With one, the caller rolls the transaction
/// back when an item has an error.
pub struct CatalogueImport<'a> {
    writer: Option<RevisionStamp<'a>>,
    stored: StoredDomains,
    tally: ImportTally,
    /// Limits the violations that are found against the stored data; those of the document itself
    /// are limited when it is parsed.
    shown: ViolationBudget,
    domain_count: usize,
    metric_count: usize,
    relations: RelationChanges,
    /// New metrics that a dry run has not written.
    planned: HashSet<String>,
}

impl<'a> CatalogueImport<'a> {
    /// Begins an import, and locks the stored domains if there is a writer.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn begin(
        conn: &mut Transaction<'_>,
        writer: Option<RevisionStamp<'a>>,
    ) -> Result<Self, StorageError> {
        let rows = match writer {
            Some(_) => business_domains::lock_all(conn).await?,
            None => business_domains::list(conn, 0, i64::MAX).await?.0,
        };
        Ok(Self {
            writer,
            stored: StoredDomains::new(rows),
            tally: ImportTally::default(),
            shown: ViolationBudget::default(),
            domain_count: 0,
            metric_count: 0,
            relations: RelationChanges::default(),
            planned: HashSet::new(),
        })
    }

    /// Returns the number of items so far.
    pub fn count(&self) -> usize {
        self.domain_count.saturating_add(self.metric_count)
    }

    /// Checks what can only be checked when all items are known, the relations between metrics, and
    /// returns what the import has done.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn finish(
        mut self,
        conn: &mut Transaction<'_>,
        unknown: UnknownIds,
    ) -> Result<ImportTally, StorageError> {
        let found = self.relations.check(conn, &self.planned, unknown).await?;
        for RefusedChange { change, metric_id, is_new, violations } in found {
            let path = format!("metrics[{change}]");
            let violations = self.shown.take(violations);
            let former = if is_new { ItemOutcome::Created } else { ItemOutcome::Updated };
            self.tally.refuse(report(path, Some(metric_id), Err(violations)), former);
        }
        Ok(self.tally)
    }

    /// Imports further domains; all of them precede the metrics.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn domains(
        &mut self,
        conn: &mut Transaction<'_>,
        batch: &[DraftItem<BusinessDomain>],
    ) -> Result<(), StorageError> {
        for item in batch {
            let outcome = match &item.parsed {
                Err(violations) => Err(violations.clone()),
                Ok(domain) => {
                    let outcome = self.stored.import(conn, domain, self.writer).await?;
                    outcome.map_err(|violation| self.shown.take(vec![violation]))
                }
            };
            let path = format!("domains[{}]", self.domain_count);
            self.domain_count = self.domain_count.saturating_add(1);
            self.tally.add(report(path, item.id.clone(), outcome));
        }
        Ok(())
    }

    /// Imports further metrics, with a few statements for the whole batch.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn metrics(
        &mut self,
        conn: &mut Transaction<'_>,
        batch: &[DraftItem<Metric>],
    ) -> Result<(), StorageError> {
        let mut stored = self.stored_metrics(conn, batch).await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for item in batch {
            let outcome = match &item.parsed {
                Err(violations) => Err(violations.clone()),
                Ok(metric) if !self.stored.has_name(metric.business_domain.as_str()) => {
                    let text = "must be the name of an existing business domain";
                    Err(self.shown.take(vec![Violation::new("business_domain", text)]))
                }
                Ok(metric) => Ok(match stored.remove(metric.metric_id.as_str()) {
                    None => {
                        self.relations.add(self.metric_count, None, metric);
                        if self.writer.is_none() {
                            self.planned.insert(metric.metric_id.as_str().to_owned());
                        }
                        new.push(metric.as_ref());
                        self.tally.add_created_metric(self.metric_count);
                        ItemOutcome::Created
                    }
                    Some(row) => match ChangedMetric::new(self.stored.renamed(row), metric)? {
                        None => ItemOutcome::Unchanged,
                        Some(change) => {
                            self.relations.add(self.metric_count, Some(&change.former), metric);
                            changed.push(change);
                            ItemOutcome::Updated
                        }
                    },
                }),
            };
            let path = format!("metrics[{}]", self.metric_count);
            self.metric_count = self.metric_count.saturating_add(1);
            self.tally.add(report(path, item.id.clone(), outcome));
        }
        if let Some(stamp) = self.writer {
            metrics::replace_many(conn, &changed, stamp).await?;
            metrics::create_many(conn, &new, stamp).await?;
        }
        Ok(())
    }

    async fn stored_metrics(
        &self,
        conn: &mut Transaction<'_>,
        batch: &[DraftItem<Metric>],
    ) -> Result<HashMap<String, MetricRow>, StorageError> {
        let valid = batch.iter().filter_map(|item| item.parsed.as_ref().ok());
        let ids: Vec<&str> = valid.map(|metric| metric.metric_id.as_str()).collect();
        let rows = match self.writer {
            Some(_) => metrics::lock_many(conn, &ids).await?,
            None => metrics::get_many(conn, &ids).await?,
        };
        Ok(rows.into_iter().map(|row| (row.metric_id.clone(), row)).collect())
    }
}

fn report(
    path: String,
    id: Option<String>,
    outcome: Result<ItemOutcome, Violations>,
) -> ItemReport {
    let (outcome, Violations { shown, omitted }) = match outcome {
        Ok(outcome) => (outcome, Violations::default()),
        Err(violations) => (ItemOutcome::Error, violations),
    };
    let errors = shown.into_iter().map(|violation| violation.under(&path)).collect();
    ItemReport { path, id, outcome, errors, errors_omitted: omitted }
}

/// The business domains that are stored so far.
struct StoredDomains {
    /// Those that the document has not named yet.
    rows: HashMap<String, DomainRow>,
    /// The id of the domain with a name.
    ids_by_name: HashMap<String, String>,
    /// The new names by the former ones, that a dry run has not written. One step is enough: a name
    /// is taken only after its owner was renamed.
    planned_renames: HashMap<String, String>,
}

impl StoredDomains {
    fn new(rows: Vec<DomainRow>) -> Self {
        let ids_by_name =
            rows.iter().map(|row| (row.name.clone(), row.domain_id.clone())).collect();
        let rows = rows.into_iter().map(|row| (row.domain_id.clone(), row)).collect();
        Self { rows, ids_by_name, planned_renames: HashMap::new() }
    }

    fn has_name(&self, name: &str) -> bool {
        self.ids_by_name.contains_key(name)
    }

    /// Returns a metric as the planned renames of its domain will leave it. A writer has none.
    fn renamed(&self, mut row: MetricRow) -> MetricRow {
        if let Some(new) = self.planned_renames.get(&row.business_domain) {
            row.business_domain.clone_from(new);
        }
        row
    }

    async fn import(
        &mut self,
        conn: &mut Transaction<'_>,
        domain: &BusinessDomain,
        writer: Option<RevisionStamp<'_>>,
    ) -> Result<Result<ItemOutcome, Violation>, StorageError> {
        let (id, name) = (domain.domain_id.as_str(), domain.name.as_str());
        // Checked beforehand: a constraint violation would abort the transaction.
        if self.ids_by_name.get(name).is_some_and(|owner| owner != id) {
            return Ok(Err(Violation::new("name", "belongs to another business domain")));
        }
        let outcome = match self.rows.remove(id) {
            None => {
                if let Some(stamp) = writer {
                    business_domains::create(conn, domain, stamp).await?;
                }
                ItemOutcome::Created
            }
            Some(row) => {
                self.ids_by_name.remove(&row.name);
                if row.to_domain()? == *domain {
                    ItemOutcome::Unchanged
                } else {
                    if let Some(stamp) = writer {
                        business_domains::replace(conn, row, domain, stamp).await?;
                    } else if row.name != name {
                        self.planned_renames.insert(row.name, name.to_owned());
                    }
                    ItemOutcome::Updated
                }
            }
        };
        self.ids_by_name.insert(name.to_owned(), id.to_owned());
        Ok(Ok(outcome))
    }
}
