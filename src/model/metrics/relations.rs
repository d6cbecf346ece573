//! What a metric says about other metrics: the ids that it names, and the edges that follow from
//! them. A metric *derives from* its upstream metrics, and its downstream metrics derive from it;
//! both ends may declare the same edge. `derivations` finds cycles of such edges.

use serde::Serialize;
use utoipa::ToSchema;

use super::Metric;
use super::governance::MetricStatus;
use crate::model::text::Id;

/// What a metric names another one for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// It derives from the other one.
    Upstream,
    /// The other one derives from it.
    Downstream,
    /// It is deprecated, and the other one replaces it.
    Successor,
}

/// The id of a metric in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub kind: ReferenceKind,
    /// Path of the field, e.g. `relationships.upstream_metric_ids[0]`.
    pub path: String,
    /// The id that is named.
    pub id: String,
}

/// A metric that derives from another one, directly or over others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dependent {
    pub metric_id: String,
    pub name: String,
    #[schema(value_type = MetricStatus)]
    pub status: String,
    /// Number of steps: 1 if it derives from the metric directly. The shortest way counts.
    #[schema(minimum = 1)]
    pub depth: usize,
}

/// An edge: the first metric derives from the second.
pub type Edge = (String, String);

impl Reference {
    /// Returns the edge that the reference declares in the metric `owner`; none of a successor.
    pub fn edge(&self, owner: &str) -> Option<Edge> {
        match self.kind {
            ReferenceKind::Upstream => Some((owner.to_owned(), self.id.clone())),
            ReferenceKind::Downstream => Some((self.id.clone(), owner.to_owned())),
            ReferenceKind::Successor => None,
        }
    }
}

impl Metric {
    /// Returns the ids of other metrics that it names.
    pub fn references(&self) -> Vec<Reference> {
        self.references_beyond(None)
    }

    /// Returns the ids that it names and `former` did not name for the same. The others are not
    /// checked again: a catalogue may have unknown ids and cycles from before they were refused,
    /// and ids of metrics that were deleted by force.
    pub fn added_references(&self, former: &Self) -> Vec<Reference> {
        self.references_beyond(Some(former))
    }

    fn references_beyond(&self, former: Option<&Self>) -> Vec<Reference> {
        let mut references = Vec::new();
        let relationships = former.map(|former| &former.relationships);
        let upstream = relationships.map_or(&[][..], |known| &known.upstream_metric_ids);
        let downstream = relationships.map_or(&[][..], |known| &known.downstream_metric_ids);
        let mut add = |kind, list: &str, ids: &[Id], known: &[Id]| {
            for (index, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
                let path = format!("relationships.{list}[{index}]");
                references.push(Reference { kind, path, id: id.as_str().to_owned() });
            }
        };
        let own = &self.relationships;
        let lists = ["upstream_metric_ids", "downstream_metric_ids"];
        add(ReferenceKind::Upstream, lists[0], &own.upstream_metric_ids, upstream);
        add(ReferenceKind::Downstream, lists[1], &own.downstream_metric_ids, downstream);
        let successor = &self.governance.successor_id;
        if let Some(id) = successor
            && former.is_none_or(|former| former.governance.successor_id != *successor)
        {
            let (kind, path) = (ReferenceKind::Successor, "governance.successor_id".to_owned());
            references.push(Reference { kind, path, id: id.as_str().to_owned() });
        }
        references
    }
}
