//! Walks along the edges of a metric in one direction, step by step. Cycles, which old data may
//! have, end.

use std::collections::{HashMap, HashSet, VecDeque};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::storage::StorageError;

/// The number of edges that one walk follows. The nearest come first.
pub const MAX_FOLLOWED: i64 = 100_000;
/// The number of metrics that are found in one direction, the nearest first.
pub const MAX_DEPENDENTS: usize = 10_000;

/// A direction along the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EdgeDirection {
    /// To what a metric derives from.
    Upstream,
    /// To what derives from a metric.
    Downstream,
}

/// An edge that a walk has followed, and the metric that it leads to.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct FollowedEdge {
    #[diesel(sql_type = Text)]
    pub(super) near_id: String,
    #[diesel(sql_type = Text)]
    pub(super) far_id: String,
    /// None if no metric has the far id.
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
}

/// An id that a walk has reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachedMetric {
    pub metric_id: String,
    /// Name and status; none if no metric has this id.
    pub known: Option<(String, String)>,
    /// Number of steps on the shortest way, from 1.
    pub depth: usize,
}

/// Follows at most [`MAX_FOLLOWED`] edges; rows come step by step, so that the limit keeps the
/// nearest. `OFFSET 0` makes each step an index lookup, whatever the planner knows of the table.
pub(super) async fn follow(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
    direction: EdgeDirection,
) -> Result<Vec<FollowedEdge>, StorageError> {
    let (near, far) = match direction {
        EdgeDirection::Upstream => ("metric_id", "upstream_id"),
        EdgeDirection::Downstream => ("upstream_id", "metric_id"),
    };
    let statement = format!(
        "WITH RECURSIVE walked AS ( \
             SELECT {near} AS near_id, {far} AS far_id FROM metric_edges WHERE {near} = $1 \
         UNION \
             SELECT edge.{near}, edge.{far} \
             FROM walked CROSS JOIN LATERAL (SELECT * FROM metric_edges \
                 WHERE metric_edges.{near} = walked.far_id OFFSET 0) AS edge \
         ), followed AS (SELECT near_id, far_id FROM walked LIMIT $2) \
         SELECT followed.near_id, followed.far_id, found.name, found.status \
         FROM followed LEFT JOIN LATERAL (SELECT name, status FROM metrics \
             WHERE metrics.metric_id = followed.far_id OFFSET 0) AS found ON true"
    );
    let query = diesel::sql_query(statement).bind::<Text, _>(metric_id);
    Ok(query.bind::<BigInt, _>(MAX_FOLLOWED).load(conn).await?)
}

/// Returns what was reached: the nearest first, then by id, the root left out.
pub(super) fn nearest_first(edges: &[FollowedEdge], root: &str) -> Vec<ReachedMetric> {
    let mut leaving: HashMap<&str, Vec<&FollowedEdge>> = HashMap::new();
    for edge in edges {
        leaving.entry(&edge.near_id).or_default().push(edge);
    }
    let (mut seen, mut found) = (HashSet::from([root]), Vec::new());
    let mut queue = VecDeque::from([(root, 0_usize)]);
    while let Some((at, depth)) = queue.pop_front() {
        let depth = depth.saturating_add(1);
        for edge in leaving.get(at).into_iter().flatten() {
            if seen.insert(&edge.far_id) {
                queue.push_back((&edge.far_id, depth));
                let known = edge.name.clone().zip(edge.status.clone());
                found.push(ReachedMetric { metric_id: edge.far_id.clone(), known, depth });
            }
        }
    }
    found.sort_by(|one, other| (one.depth, &one.metric_id).cmp(&(other.depth, &other.metric_id)));
    found
}
