//! Which metrics derive from which. The rows are kept by a trigger of `metrics`, so that all
//! writers keep them; here they are read. What a change may add is checked by `metrics::relations`.

use std::collections::{HashMap, HashSet, VecDeque};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::metrics;
use super::{StorageError, Transaction};
use crate::model::metrics::relations::Dependent;

/// The number of edges that one request follows. The nearest come first.
pub const MAX_FOLLOWED: i64 = 100_000;
/// The number of dependent metrics that are found, the nearest first.
pub const MAX_DEPENDENTS: usize = 10_000;

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

#[derive(QueryableByName)]
struct DependentRow {
    #[diesel(sql_type = Text)]
    metric_id: String,
    #[diesel(sql_type = Text)]
    upstream_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
}

/// Finds the metrics that derive from one. Cycles, which old data may have, end.
///
/// # Errors
/// [`StorageError::NotFound`] if the metric does not exist.
pub async fn find_dependents(
    conn: &mut AsyncPgConnection,
    metric_id: &str,
) -> Result<Impact, StorageError> {
    let _: String = metrics::table.find(metric_id).select(metrics::metric_id).first(conn).await?;
    // Rows come step by step, so that the limit keeps the nearest.
    let statement = "WITH RECURSIVE below AS ( \
             SELECT metric_id, upstream_id FROM metric_edges WHERE upstream_id = $1 \
         UNION \
             SELECT edge.metric_id, edge.upstream_id \
             FROM below CROSS JOIN LATERAL (SELECT * FROM metric_edges \
                 WHERE metric_edges.upstream_id = below.metric_id OFFSET 0) AS edge \
         ), followed AS (SELECT metric_id, upstream_id FROM below LIMIT $2) \
         SELECT followed.metric_id, followed.upstream_id, found.name, found.status \
         FROM followed LEFT JOIN LATERAL (SELECT name, status FROM metrics \
             WHERE metrics.metric_id = followed.metric_id OFFSET 0) AS found ON true";
    let rows: Vec<DependentRow> = diesel::sql_query(statement)
        .bind::<Text, _>(metric_id)
        .bind::<BigInt, _>(MAX_FOLLOWED)
        .load(conn)
        .await?;
    let is_cut = rows.len() >= usize::try_from(MAX_FOLLOWED).unwrap_or(usize::MAX);
    let mut dependents = nearest_first(&rows, metric_id);
    let truncated = is_cut || dependents.len() > MAX_DEPENDENTS;
    dependents.truncate(MAX_DEPENDENTS);
    Ok(Impact { dependents, truncated })
}

fn nearest_first(rows: &[DependentRow], root: &str) -> Vec<Dependent> {
    let mut below: HashMap<&str, Vec<&DependentRow>> = HashMap::new();
    for row in rows {
        below.entry(&row.upstream_id).or_default().push(row);
    }
    let (mut reached, mut found) = (HashSet::from([root]), Vec::new());
    let mut queue = VecDeque::from([(root, 0_usize)]);
    while let Some((at, depth)) = queue.pop_front() {
        let depth = depth.saturating_add(1);
        for row in below.get(at).into_iter().flatten() {
            if !reached.insert(&row.metric_id) {
                continue;
            }
            queue.push_back((&row.metric_id, depth));
            // An unknown id is passed, but not shown.
            if let (Some(name), Some(status)) = (&row.name, &row.status) {
                let (metric_id, name, status) =
                    (row.metric_id.clone(), name.clone(), status.clone());
                found.push(Dependent { metric_id, name, status, depth });
            }
        }
    }
    found.sort_by(|one, other| (one.depth, &one.metric_id).cmp(&(other.depth, &other.metric_id)));
    found
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
