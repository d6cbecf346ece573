//! Lists of metrics. The ids of the page are read first, from an index alone; then only its rows
//! are fetched. A page in the second half of the list is read backwards from the end, so that the
//! last page costs what the first does. A page longer than the maximum is refused before its rows
//! are fetched.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::MetricRow;
use crate::model::metrics::query::{MetricFilter, MetricQuery, Sort, SortField};
use crate::storage::StorageError;
use crate::storage::page_size::{MAX_PAGE_BYTES, ensure_fits};
use crate::storage::schema::catalogue_totals;
use crate::storage::schema::metrics::{dsl, table};

type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, table, Pg>;

/// Lists the requested page, and counts all metrics that match the filter.
///
/// # Errors
/// [`StorageError::Invalid`] for a page of more than [`MAX_PAGE_BYTES`].
pub async fn list(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
) -> Result<(Vec<MetricRow>, i64), StorageError> {
    let total = if query.filter == MetricFilter::default() {
        count(conn).await?
    } else {
        filtered(&query.filter).count().get_result(conn).await?
    };
    let ids = ids(conn, query, total).await?;
    let rows = rows(conn, &ids).await?;
    let mut by_id: HashMap<String, MetricRow> =
        rows.into_iter().map(|row| (row.metric_id.clone(), row)).collect();
    // A metric that was deleted between the two statements is left out.
    Ok((ids.iter().filter_map(|id| by_id.remove(id)).collect(), total))
}

/// Counts all metrics, by a counter that triggers maintain.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(catalogue_totals::table.select(catalogue_totals::metrics).first(conn).await?)
}

/// Fetches these metrics, or none if all of them together are too long; one statement measures and
/// fetches.
async fn rows(
    conn: &mut AsyncPgConnection,
    ids: &[String],
) -> Result<Vec<MetricRow>, StorageError> {
    let fits = sql::<Bool>(
        "(SELECT coalesce(sum(size_bytes), 0) FROM metrics AS page WHERE page.metric_id = ANY(",
    )
    .bind::<Array<Text>, _>(ids)
    .sql(")) <= ")
    .bind::<BigInt, _>(MAX_PAGE_BYTES);
    let on_page = dsl::metrics.filter(dsl::metric_id.eq_any(ids));
    let rows: Vec<MetricRow> =
        on_page.clone().filter(fits).select(MetricRow::as_select()).load(conn).await?;
    if rows.is_empty() && !ids.is_empty() {
        let bytes: Option<i64> =
            on_page.select(diesel::dsl::sum(dsl::size_bytes)).first(conn).await?;
        ensure_fits(bytes.unwrap_or(0))?;
    }
    Ok(rows)
}

async fn ids(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    total: i64,
) -> Result<Vec<String>, StorageError> {
    let offset = query.page.offset();
    let on_page = query.page.limit.min(total.saturating_sub(offset));
    if on_page <= 0 {
        return Ok(Vec::new());
    }
    let from_end = total.saturating_sub(offset).saturating_sub(on_page);
    let backwards = from_end < offset;
    let mut ids: Vec<String> = sorted(filtered(&query.filter), query.sort, backwards)
        .select(dsl::metric_id)
        .offset(if backwards { from_end } else { offset })
        .limit(on_page)
        .load(conn)
        .await?;
    if backwards {
        ids.reverse();
    }
    Ok(ids)
}

fn filtered(filter: &MetricFilter) -> Boxed<'_> {
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
    if !filter.search.is_empty() {
        query = query.filter(
            sql::<Bool>("search @@ to_tsquery('simple', ")
                .bind::<Text, _>(prefixes(&filter.search))
                .sql(")"),
        );
    }
    query
}

/// Builds a search for all words, each as a prefix. Words consist of letters and digits, which the
/// model ensures, so none of them contains an operator.
fn prefixes(words: &[String]) -> String {
    words.iter().map(|word| format!("{word}:*")).collect::<Vec<_>>().join(" & ")
}

/// Sorts in the requested order, or exactly backwards. Each of these orders has an index.
fn sorted(query: Boxed<'_>, sort: Sort, backwards: bool) -> Boxed<'_> {
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
