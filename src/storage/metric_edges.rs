//! Which metrics derive from which. The rows are kept by a trigger of `metrics`, so that all
//! writers keep them; here they are read. What a change may add is checked by `metrics::relations`.
//! `walk` follows edges, `graph` finds what is around a metric on both sides.

mod graph;
mod walk;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

pub use self::graph::{GraphSide, MetricGraph, find_graph};
use self::walk::{EdgeDirection, follow, nearest_first};
pub use self::walk::{MAX_DEPENDENTS, MAX_FOLLOWED, ReachedMetric};
use super::schema::metrics;
use super::{StorageError, Transaction};
use crate::model::metrics::relations::Dependent;

/// An edge, and the metric that declares it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct EdgeRow {
    #[diesel(sql_type = Text)]
    pub metric_id: String,
    #[diesel(sql_type = Text)]
    pub upstream_id: String,
    #[diesel(sql_type = Text)]
    pub declared_by: String,
}

/// Lists at most `limit` edges from these metrics upwards, also over unknown ids. Each edge comes
/// once, so that a cycle ends. `OFFSET 0` makes each step an index lookup, whatever the planner
/// knows of the table.
pub async fn list_above(
    conn: &mut Transaction<'_>,
    metric_ids: &[&str],
    limit: i64,
) -> Result<Vec<EdgeRow>, StorageError> {
    let statement = "WITH RECURSIVE above AS ( \
             SELECT metric_id, upstream_id, declared_by FROM metric_edges \
             WHERE metric_id = ANY($1) \
         UNION \
             SELECT edge.metric_id, edge.upstream_id, edge.declared_by \
             FROM above CROSS JOIN LATERAL (SELECT * FROM metric_edges \
                 WHERE metric_edges.metric_id = above.upstream_id OFFSET 0) AS edge \
         ) SELECT metric_id, upstream_id, declared_by FROM above LIMIT $2";
    let query = diesel::sql_query(statement).bind::<Array<Text>, _>(metric_ids);
    Ok(query.bind::<BigInt, _>(limit).load(conn).await?)
}

/// The metrics that derive from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impact {
    /// The nearest first, then by id.
    pub dependents: Vec<Dependent>,
    /// Whether there may be more.
    pub truncated: bool,
}

/// Finds the metrics that derive from one. Cycles, which old data may have, end. An unknown id is
/// passed, but not shown.
///
/// # Errors
/// [`StorageError::NotFound`] if the metric does not exist.
pub async fn find_dependents(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
) -> Result<Impact, StorageError> {
    let _: String = metrics::table.find(metric_id).select(metrics::metric_id).first(conn).await?;
    let followed = follow(conn, metric_id, EdgeDirection::Downstream).await?;
    let is_cut = followed.len() >= usize::try_from(MAX_FOLLOWED).unwrap_or(usize::MAX);
    let reached = nearest_first(&followed, metric_id).into_iter();
    let known = reached.filter_map(|ReachedMetric { metric_id, known, depth }| {
        known.map(|(name, status)| Dependent { metric_id, name, status, depth })
    });
    let mut dependents: Vec<Dependent> = known.collect();
    let truncated = is_cut || dependents.len() > MAX_DEPENDENTS;
    dependents.truncate(MAX_DEPENDENTS);
    Ok(Impact { dependents, truncated })
}

/// Lists at most `limit` metrics that derive from one directly, itself left out.
pub async fn list_direct_dependents(
    conn: &mut Transaction<'_>,
    metric_id: &str,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    let statement = "SELECT DISTINCT metric_id FROM metric_edges \
         JOIN metrics USING (metric_id) \
         WHERE upstream_id = $1 AND metric_id <> $1 ORDER BY metric_id LIMIT $2";
    let rows: Vec<IdRow> = diesel::sql_query(statement)
        .bind::<Text, _>(metric_id)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.metric_id).collect())
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    metric_id: String,
}
