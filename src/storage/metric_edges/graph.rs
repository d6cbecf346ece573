//! The graph around a metric: what it derives from, what derives from it, and the edges between
//! them, for pages that draw it.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::walk::{
    EdgeDirection, MAX_DEPENDENTS, MAX_FOLLOWED, ReachedMetric, follow, nearest_first,
};
use crate::storage::StorageError;
use crate::storage::schema::metrics::dsl;

/// One side of a metric in the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphSide {
    /// The nearest first, then by id. Ids that no metric has are among them.
    pub metrics: Vec<ReachedMetric>,
    /// Number of further ones.
    pub omitted: usize,
    /// Whether there may be more than are counted.
    pub truncated: bool,
    /// The edges between the metrics here and the one in the middle, by their ids: the end that a
    /// walk from the middle comes from, then the end that it goes to.
    pub edges: Vec<(String, String)>,
}

/// A metric with what is around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricGraph {
    pub name: String,
    pub status: String,
    /// What it derives from.
    pub upstream: GraphSide,
    /// What derives from it.
    pub downstream: GraphSide,
}

/// Finds the graph around a metric, with at most `limit` metrics on each side, the nearest.
///
/// # Errors
/// [`StorageError::NotFound`] if the metric does not exist.
pub async fn find_graph(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    limit: usize,
) -> Result<MetricGraph, StorageError> {
    let found = dsl::metrics.find(metric_id).select((dsl::name, dsl::status));
    let (name, status): (String, String) = found.first(conn).await?;
    let upstream = find_side(conn, metric_id, EdgeDirection::Upstream, limit).await?;
    let downstream = find_side(conn, metric_id, EdgeDirection::Downstream, limit).await?;
    Ok(MetricGraph { name, status, upstream, downstream })
}

async fn find_side(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    direction: EdgeDirection,
    limit: usize,
) -> Result<GraphSide, StorageError> {
    let followed = follow(conn, metric_id, direction).await?;
    let is_cut = followed.len() >= usize::try_from(MAX_FOLLOWED).unwrap_or(usize::MAX);
    let mut metrics = nearest_first(&followed, metric_id);
    let truncated = is_cut || metrics.len() > MAX_DEPENDENTS;
    metrics.truncate(MAX_DEPENDENTS);
    let omitted = metrics.len().saturating_sub(limit);
    metrics.truncate(limit);
    let shown: HashSet<&str> = metrics.iter().map(|metric| &*metric.metric_id).collect();
    let is_shown = |id: &str| id == metric_id || shown.contains(id);
    let among = followed.into_iter().filter(|one| is_shown(&one.near_id) && is_shown(&one.far_id));
    let mut edges: Vec<_> = among.map(|edge| (edge.near_id, edge.far_id)).collect();
    edges.sort_unstable();
    Ok(GraphSide { metrics, omitted, truncated, edges })
}
