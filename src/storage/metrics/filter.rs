//! Filters and orders of lists of metrics.

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::completeness::condition;
use crate::model::metrics::query::{MetricFilter, Sort, SortField};
use crate::storage::StorageError;
use crate::storage::full_text::prefixes;
use crate::storage::schema::metrics::{dsl, table};

/// A query of metrics whose conditions are still added.
pub(super) type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, table, Pg>;

/// Returns the metrics that match the filter.
pub(super) fn filtered(filter: &MetricFilter) -> Boxed<'_> {
    let mut query = dsl::metrics.into_boxed();
    if let Some(category) = &filter.category {
        query = query.filter(dsl::category.eq(category));
    }
    if let Some(domain) = &filter.business_domain {
        query = query.filter(dsl::business_domain.eq(domain));
    }
    if let Some(tier) = &filter.tier {
        query = query.filter(dsl::tier.eq(tier.as_ref()));
    }
    if let Some(metric_type) = &filter.metric_type {
        query = query.filter(dsl::metric_type.eq(metric_type.as_ref()));
    }
    if let Some(status) = &filter.status {
        query = query.filter(dsl::status.eq(status.as_ref()));
    }
    if let Some(team) = &filter.owner_team {
        query = query.filter(dsl::owner_team.eq(team));
    }
    if !filter.tags.is_empty() {
        query = query.filter(dsl::tags.contains(serde_json::Value::from(filter.tags.clone())));
    }
    if let Some(completeness) = filter.completeness {
        query = query.filter(sql::<Bool>(condition(completeness)));
    }
    if !filter.search.is_empty() {
        query = query.filter(
            sql::<Bool>("search @@ to_tsquery('simple', ")
                .bind::<Text, _>(prefixes(&filter.search))
                .sql(")"),
        );
    }
    query
}

/// Lists the metrics that match a filter, in no order: their ids, and the names of their domains.
pub async fn list_matching(
    conn: &mut AsyncPgConnection,
    filter: &MetricFilter,
) -> Result<Vec<(String, String)>, StorageError> {
    Ok(filtered(filter).select((dsl::metric_id, dsl::business_domain)).load(conn).await?)
}

/// Sorts in the requested order, or exactly backwards. Each of these orders has an index.
pub(super) fn sorted(query: Boxed<'_>, sort: Sort, backwards: bool) -> Boxed<'_> {
    macro_rules! by {
        ($column:expr) => {
            match (sort.descending, backwards) {
                (false, false) => query.order_by(($column.asc(), dsl::metric_id.asc())),
                (false, true) => query.order_by(($column.desc(), dsl::metric_id.desc())),
                (true, false) => query.order_by(($column.desc(), dsl::metric_id.asc())),
                (true, true) => query.order_by(($column.asc(), dsl::metric_id.desc())),
            }
        };
    }
    match sort.by {
        SortField::Name => by!(dsl::name),
        SortField::CreatedAt => by!(dsl::created_at),
        SortField::UpdatedAt => by!(dsl::updated_at),
        SortField::Tier => by!(dsl::tier),
    }
}
