//! Lists of metrics. The ids of the page are read first, from an index alone; then only its rows
//! are fetched (`selection`). A page in the second half of the list is read backwards from the end,
//! so that the last page costs what the first does; what follows a cursor is found by `keyset`. A
//! page longer than the maximum is refused before its rows are fetched.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::filter::{filtered, sorted};
use super::{MetricRow, keyset, selection};
use crate::model::metrics::query::{MetricFilter, MetricQuery};
use crate::model::page::PageRequest;
use crate::model::paging::{ListPart, Paging};
use crate::storage::StorageError;
use crate::storage::schema::catalogue_totals;
use crate::storage::schema::metrics::dsl;

/// Lists the requested part. A page comes with the number of all metrics that match the filter,
/// which is counted unless it is `known`.
///
/// # Errors
/// [`StorageError::Invalid`] for a part that is too long, and for a cursor of another list.
pub async fn list(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    known: Option<i64>,
) -> Result<(Vec<MetricRow>, ListPart), StorageError> {
    let (ids, part) = match &query.paging {
        Paging::Page(page) => {
            let total = match known {
                Some(total) => total,
                None => total(conn, &query.filter).await?,
            };
            (ids(conn, query, *page, total).await?, ListPart::Page(*page, total))
        }
        Paging::Cursor(cursor) => {
            let (ids, position) = keyset::ids(conn, query, cursor).await?;
            (ids, ListPart::Cursor(cursor.clone(), position))
        }
    };
    let rows = selection::rows(conn, &ids, query.fields.as_ref()).await?;
    let mut by_id: HashMap<String, MetricRow> =
        rows.into_iter().map(|row| (row.metric_id.clone(), row)).collect();
    // A metric that was deleted between the two statements is left out.
    Ok((ids.iter().filter_map(|id| by_id.remove(id)).collect(), part))
}

async fn total(conn: &mut AsyncPgConnection, filter: &MetricFilter) -> Result<i64, StorageError> {
    if *filter == MetricFilter::default() {
        return count(conn).await;
    }
    Ok(filtered(filter).count().get_result(conn).await?)
}

/// Counts all metrics, by a counter that triggers maintain.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(catalogue_totals::table.select(catalogue_totals::metrics).first(conn).await?)
}

async fn ids(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    page: PageRequest,
    total: i64,
) -> Result<Vec<String>, StorageError> {
    let offset = page.offset();
    let on_page = page.limit.min(total.saturating_sub(offset));
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
