//! Checks what changes add to the relations of metrics: the ids must exist, and no metric may
//! derive from itself, not even over others. Writers of the catalogue wait for each other
//! (`catalogue_epochs::lock`), so that two changes never close a cycle together. Only what a change
//! adds is checked: catalogues have unknown ids and cycles from before.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::model::derivations::Derivations;
use crate::model::metrics::Metric;
use crate::model::metrics::relations::{Edge, Reference, ReferenceKind};
use crate::model::violations::Violation;
use crate::storage::schema::metrics::dsl;
use crate::storage::{StorageError, Transaction, metric_edges};

/// The number of edges above the metrics of a change that are followed to find cycles, beside those
/// that the change itself may declare ([`MAX_DECLARED`] a metric).
const MAX_ABOVE: usize = 100_000;
/// The number of edges that one metric may declare: two lists of 200 ids.
const MAX_DECLARED: usize = 400;
/// What is wrong with an edge whose cycles cannot be searched within that.
const TOO_MANY_ABOVE: &str = "must not derive from metrics with more than 100000 relationships \
    above them, over all levels";
/// Number of ids in one statement.
const CHUNK: usize = 10_000;

/// The changes of one transaction, as far as they concern relations.
#[derive(Debug, Default)]
pub struct RelationChanges {
    /// The metrics whose edges are replaced.
    changed: HashSet<String>,
    /// The edges that they declare from now on.
    edges: Vec<Edge>,
    added: Vec<AddedReference>,
}

/// An id that a change adds.
#[derive(Debug)]
struct AddedReference {
    /// The number that the caller gave the change.
    change: usize,
    is_new: bool,
    owner: String,
    reference: Reference,
}

/// What becomes of ids of metrics that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownIds {
    Refused,
    /// Of a part of a document: another part may bring them.
    Accepted,
}

/// A change that may not be made.
#[derive(Debug)]
pub struct RefusedChange {
    /// The number that the caller gave it.
    pub change: usize,
    pub metric_id: String,
    /// Whether the metric is new.
    pub is_new: bool,
    /// At least one.
    pub violations: Vec<Violation>,
}

impl RelationChanges {
    /// Adds the change of a metric, none if it is new. `change` is a number of the caller's, by
    /// which [`Self::check`] names the change.
    pub fn add(&mut self, change: usize, former: Option<&Metric>, metric: &Metric) {
        let is_same = |former: &Metric| {
            former.relationships == metric.relationships
                && former.governance.successor_id == metric.governance.successor_id
        };
        if former.is_some_and(is_same) {
            return;
        }
        let owner = metric.metric_id.as_str();
        let references = metric.references();
        self.changed.insert(owner.to_owned());
        self.edges.extend(references.iter().filter_map(|reference| reference.edge(owner)));
        let added = former.map_or(references, |former| metric.added_references(former));
        let added = added.into_iter();
        self.added.extend(added.map(|reference| AddedReference {
            change,
            is_new: former.is_none(),
            owner: owner.to_owned(),
            reference,
        }));
    }

    /// Checks all that was added, against what is stored and what the changes will have stored.
    /// `created` are the ids of metrics that are not stored yet. Returns the changes that may not
    /// be made, in the order in which they were added.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn check(
        &self,
        conn: &mut Transaction<'_>,
        created: &HashSet<String>,
        unknown: UnknownIds,
    ) -> Result<Vec<RefusedChange>, StorageError> {
        if self.added.is_empty() {
            return Ok(Vec::new());
        }
        let named = self.added.iter().map(|added| added.reference.id.as_str());
        let named: HashSet<&str> = named.filter(|id| !created.contains(*id)).collect();
        let known = existing(conn, named).await?;
        let graph = self.graph(conn).await?;
        let is_cut = graph.is_none();
        let graph = graph.unwrap_or_default();
        let components = graph.components();
        let mut refused: Vec<RefusedChange> = Vec::new();
        for AddedReference { change, is_new, owner, reference } in &self.added {
            let message = if reference.kind == ReferenceKind::Successor && reference.id == *owner {
                "must be another metric".to_owned()
            } else if let Some((metric, upstream)) = reference.edge(owner)
                && let Some(cycle) = graph.cycle(&components, (&metric, &upstream))
            {
                format!("must not let a metric derive from itself: {cycle}")
            } else if is_cut && reference.edge(owner).is_some() {
                TOO_MANY_ABOVE.to_owned()
            } else if unknown == UnknownIds::Accepted
                || known.contains(&reference.id)
                || created.contains(&reference.id)
            {
                continue;
            } else {
                "must be the id of an existing metric".to_owned()
            };
            let violation = Violation::new(reference.path.as_str(), message);
            match refused.last_mut().filter(|last| last.change == *change) {
                Some(last) => last.violations.push(violation),
                None => refused.push(RefusedChange {
                    change: *change,
                    metric_id: owner.clone(),
                    is_new: *is_new,
                    violations: vec![violation],
                }),
            }
        }
        Ok(refused)
    }

    /// Returns all edges that a cycle with an added one may have; none if they are too many.
    async fn graph(&self, conn: &mut Transaction<'_>) -> Result<Option<Derivations>, StorageError> {
        let mut graph = Derivations::default();
        for (metric, upstream) in &self.edges {
            graph.add(metric, upstream);
        }
        if !self.edges.is_empty() {
            let ends: HashSet<&str> = self
                .edges
                .iter()
                .flat_map(|(metric, upstream)| [metric.as_str(), upstream.as_str()])
                .collect();
            let ends: Vec<&str> = ends.into_iter().collect();
            let most = MAX_ABOVE.saturating_add(self.changed.len().saturating_mul(MAX_DECLARED));
            let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
            let above = metric_edges::list_above(conn, &ends, limit).await?;
            if above.len() > most {
                return Ok(None);
            }
            for edge in above {
                if !self.changed.contains(&edge.declared_by) {
                    graph.add(&edge.metric_id, &edge.upstream_id);
                }
            }
        }
        Ok(Some(graph))
    }
}

async fn existing(
    conn: &mut AsyncPgConnection,
    ids: HashSet<&str>,
) -> Result<HashSet<String>, StorageError> {
    let (ids, mut found): (Vec<&str>, _) = (ids.into_iter().collect(), HashSet::new());
    for chunk in ids.chunks(CHUNK) {
        let stored = dsl::metrics.filter(dsl::metric_id.eq_any(chunk)).select(dsl::metric_id);
        found.extend(stored.load::<String>(conn).await?);
    }
    Ok(found)
}

/// Checks what the change of one metric adds; `former` is none if it is new.
///
/// # Errors
/// [`StorageError::Invalid`] with the paths of all ids that may not be added.
pub(super) async fn ensure_sound(
    conn: &mut Transaction<'_>,
    former: Option<&Metric>,
    metric: &Metric,
) -> Result<(), StorageError> {
    let mut changes = RelationChanges::default();
    changes.add(0, former, metric);
    match changes.check(conn, &HashSet::new(), UnknownIds::Refused).await?.pop() {
        None => Ok(()),
        Some(refused) => Err(StorageError::Invalid(refused.violations)),
    }
}

/// What deletes a metric from which others derive, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// Only metrics from which none derives.
    Unused,
    /// Any metric; what names it keeps an unknown id.
    Force,
}

/// The number of dependent metrics that a refusal names.
const MAX_NAMED: i64 = 20;

/// Refuses to delete a metric from which others derive.
///
/// # Errors
/// [`StorageError::HasDependents`].
pub(super) async fn ensure_unused(
    conn: &mut Transaction<'_>,
    metric_id: &str,
) -> Result<(), StorageError> {
    let mut ids = metric_edges::list_direct_dependents(conn, metric_id, MAX_NAMED + 1).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let has_more = ids.len() > usize::try_from(MAX_NAMED).unwrap_or(usize::MAX);
    if has_more {
        ids.pop();
    }
    Err(StorageError::HasDependents { ids, has_more })
}
