//! Lists of metrics. A page is reached from the nearest known place (`model::list_walk`), the
//! beginning and the end of the list among them, so that neither the last page nor the next one
//! costs more than the first. One statement walks there in an index alone (`on_walk`) and fetches
//! the rows (`selection`), or refuses a page that is too long.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use super::filter::filtered;
use super::{MetricRow, selection};
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::list_walk::{IndexedPosition, KnownList, ListWalk, ends_of_page};
use crate::model::metrics::query::{MetricFilter, MetricQuery, SortField};
use crate::model::page::PageRequest;
use crate::model::paging::{CursorRequest, ListPart, Paging};
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
    let conn: &AsyncPgConnection = conn;
    match &query.paging {
        Paging::Page(page) => page_of(conn, query, *page, known).await,
        Paging::Cursor(cursor) => after_cursor(conn, query, cursor).await,
    }
}

async fn page_of(
    conn: &AsyncPgConnection,
    query: &MetricQuery,
    page: PageRequest,
    known: &KnownList,
) -> Result<ListedMetrics, StorageError> {
    let (total, rows) = match known.total {
        // The first page is where it is, so both are asked for at once.
        None if page.offset() == 0 => {
            let walk = ListWalk { from: None, backwards: false, skip: 0, count: page.limit };
            try_join(total(conn, &query.filter), selection::rows(conn, query, &walk)).await?
        }
        known_total => {
            let total = match known_total {
                Some(total) => total,
                None => total(conn, &query.filter).await?,
            };
            let rows = match ListWalk::to_page(page, total, known) {
                Some(walk) => selection::rows(conn, query, &walk).await?,
                None => Vec::new(),
            };
            (total, rows)
        }
    };
    let items: Vec<_> = rows.iter().map(|row| position_of(row, query.sort.by)).collect();
    let positions = ends_of_page(page, total, &items);
    Ok(ListedMetrics { rows, part: ListPart::Page(page, total), positions })
}

async fn after_cursor(
    conn: &AsyncPgConnection,
    query: &MetricQuery,
    cursor: &CursorRequest,
) -> Result<ListedMetrics, StorageError> {
    // One more than requested says whether there are more.
    let count = cursor.limit.saturating_add(1);
    let walk = ListWalk { from: cursor.after.clone(), backwards: false, skip: 0, count };
    let mut rows = selection::rows(conn, query, &walk).await?;
    let limit = usize::try_from(cursor.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more).map(|row| position_of(row, query.sort.by));
    Ok(ListedMetrics { rows, part: ListPart::Cursor(cursor.clone(), last), positions: Vec::new() })
}

fn position_of(row: &MetricRow, by: SortField) -> ListPosition {
    let key = match by {
        SortField::Name => SortKey::Text(row.name.clone()),
        SortField::Tier => SortKey::Text(row.tier.clone()),
        SortField::CreatedAt => SortKey::Instant(row.created_at),
        SortField::UpdatedAt => SortKey::Instant(row.updated_at),
    };
    ListPosition { key, id: row.metric_id.clone() }
}

async fn total(mut conn: &AsyncPgConnection, filter: &MetricFilter) -> Result<i64, StorageError> {
    if *filter == MetricFilter::default() {
        let total = catalogue_totals::table.select(catalogue_totals::metrics);
        return Ok(total.first(&mut conn).await?);
    }
    Ok(filtered(filter).count().get_result(&mut conn).await?)
}

/// Counts all metrics, by a counter that triggers maintain.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    total(conn, &MetricFilter::default()).await
}
