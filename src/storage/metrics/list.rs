//! Lists of metrics. The ids of the page are read first, from an index alone; then only its rows
//! are fetched (`selection`). A page is reached from the nearest known place (`model::list_walk`),
//! the beginning and the end of the list among them, so that neither the last page nor the next one
//! costs more than the first; `keyset` walks. A page longer than the maximum is refused before its
//! rows are fetched.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::filter::filtered;
use super::{MetricRow, keyset, selection};
use crate::model::cursor::ListPosition;
use crate::model::list_walk::{IndexedPosition, KnownList, ListWalk, ends_of_page};
use crate::model::metrics::query::{MetricFilter, MetricQuery};
use crate::model::page::PageRequest;
use crate::model::paging::{ListPart, Paging};
use crate::storage::StorageError;
use crate::storage::schema::catalogue_totals;

/// A part of the list of metrics.
#[derive(Debug)]
pub struct ListedMetrics {
    pub rows: Vec<MetricRow>,
    pub part: ListPart,
    /// Items of the page from which other pages can be reached.
    pub positions: Vec<IndexedPosition>,
}

/// Lists the requested part. A page comes with the number of all metrics that match the filter,
/// which is counted unless it is `known`.
///
/// # Errors
/// [`StorageError::Invalid`] for a part that is too long, and for a cursor of another list.
pub async fn list(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    known: &KnownList,
) -> Result<ListedMetrics, StorageError> {
    let mut positions = Vec::new();
    let (ids, part) = match &query.paging {
        Paging::Page(page) => {
            let total = match known.total {
                Some(total) => total,
                None => total(conn, &query.filter).await?,
            };
            let items = on_page(conn, query, *page, total, known).await?;
            positions = ends_of_page(*page, total, &items);
            let ids = items.into_iter().map(|item| item.id).collect();
            (ids, ListPart::Page(*page, total))
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
    let rows = ids.iter().filter_map(|id| by_id.remove(id)).collect();
    Ok(ListedMetrics { rows, part, positions })
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

async fn on_page(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    page: PageRequest,
    total: i64,
    known: &KnownList,
) -> Result<Vec<ListPosition>, StorageError> {
    let Some(walk) = ListWalk::to_page(page, total, known) else { return Ok(Vec::new()) };
    let mut items = keyset::positions(conn, query, &walk).await?;
    if walk.backwards {
        items.reverse();
    }
    Ok(items)
}
