//! Lists of items as of an instant: those that are present since before it, and those that were
//! replaced or deleted after it, in the version that they had then. Both halves (`halves`) are read
//! in the requested order and no further than the part needs.

mod halves;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::VersionedTable;
use crate::clock::rfc3339;
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::paging::{CursorRequest, ListPart, Paging, foreign_cursor};
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::page_size::{MAX_PAGE_BYTES, ensure_fits};
use crate::storage::schema::catalogue_epochs;

/// A list as of an instant.
#[derive(Clone, Debug)]
pub struct PastList {
    pub instant: DateTime<Utc>,
    /// All of them must hold.
    pub conditions: Vec<PastCondition>,
    pub key: PastKey,
    pub descending: bool,
    pub paging: Paging,
}

/// A condition of a list.
#[derive(Clone, Debug)]
pub struct PastCondition {
    /// SQL about `item`, a present row, with `{}` for the value.
    pub present: &'static str,
    /// The same about `kept`, a former version with its `content`.
    pub former: &'static str,
    pub value: PastValue,
}

/// The value of a condition.
#[derive(Clone, Debug)]
pub enum PastValue {
    Text(String),
    Json(Document),
}

/// What a list is sorted by. Items with equal values are sorted by their id, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastKey {
    Name,
    Tier,
    CreatedAt,
    UpdatedAt,
}

type PastQuery = BoxedSqlQuery<'static, Pg, SqlQuery>;

/// Reads the requested part. A page comes with the number of all items that match the conditions,
/// which is counted unless it is `known`.
///
/// # Errors
/// [`StorageError::Invalid`] for an instant from before contents were kept, for a part that is too
/// long, and for a cursor of another list.
pub async fn list(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    list: &PastList,
    known: Option<i64>,
) -> Result<(Vec<Document>, ListPart), StorageError> {
    ensure_kept(conn, list.instant).await?;
    let (items, part) = match &list.paging {
        Paging::Page(page) => {
            let total = match known {
                Some(total) => total,
                None => count(conn, table, list).await?,
            };
            let items = if page.offset() < total {
                read(conn, table, list, None, (page.offset(), page.limit)).await?
            } else {
                Vec::new()
            };
            (items, ListPart::Page(*page, total))
        }
        Paging::Cursor(cursor) => {
            let (items, position) = after_cursor(conn, table, list, cursor).await?;
            (items, ListPart::Cursor(cursor.clone(), position))
        }
    };
    Ok((contents(conn, table, &items).await?, part))
}

/// Refuses instants at which some items had contents that were not kept.
async fn ensure_kept(
    conn: &mut AsyncPgConnection,
    instant: DateTime<Utc>,
) -> Result<(), StorageError> {
    let since = catalogue_epochs::table.select(catalogue_epochs::versions_since);
    let since: Option<DateTime<Utc>> = since.first(conn).await?;
    match since {
        Some(since) if instant < since => {
            let since = rfc3339(since);
            let message = format!("must not be before {since}: not all contents were kept then");
            Err(StorageError::invalid("as_of", &message))
        }
        _ => Ok(()),
    }
}

async fn count(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    list: &PastList,
) -> Result<i64, StorageError> {
    let counts = table.halves(list, 2).map(|half| format!("(SELECT count(*) {})", half.source));
    let statement = format!("SELECT {} AS total", counts.join(" + "));
    let query = sql_query(statement).into_boxed::<Pg>().bind::<Timestamptz, _>(list.instant);
    let row: PastTotalRow = with_values(query, list).get_result(conn).await?;
    Ok(row.total)
}

/// Returns the items of the part, and the position of its last one if there are more.
async fn after_cursor(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    list: &PastList,
    cursor: &CursorRequest,
) -> Result<(Vec<PastItem>, Option<ListPosition>), StorageError> {
    // One more than requested says whether there are more.
    let count = cursor.limit.saturating_add(1);
    let mut items = read(conn, table, list, cursor.after.as_ref(), (0, count)).await?;
    let limit = usize::try_from(cursor.limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let position = items.last().filter(|_| has_more).and_then(PastItem::position);
    Ok((items, position))
}

/// Reads `count` items after a position and after `skip` further ones.
async fn read(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    list: &PastList,
    after: Option<&ListPosition>,
    (skip, count): (i64, i64),
) -> Result<Vec<PastItem>, StorageError> {
    let halves = table.halves(list, if after.is_some() { 7 } else { 5 });
    let parts = halves.map(|half| half.part(list.descending, after.is_some()));
    let direction = if list.descending { "DESC" } else { "ASC" };
    let (text, time) = if list.key.is_time() { ("NULL", "key") } else { ("key", "NULL") };
    let statement = format!(
        "SELECT id, version, {text}::text AS text, {time}::timestamptz AS time \
         FROM ({}) AS part ORDER BY key {direction}, id LIMIT $3 OFFSET $4",
        parts.join(" UNION ALL "),
    );
    let query = sql_query(statement)
        .into_boxed::<Pg>()
        .bind::<Timestamptz, _>(list.instant)
        .bind::<BigInt, _>(skip.saturating_add(count))
        .bind::<BigInt, _>(count)
        .bind::<BigInt, _>(skip);
    let query = match after {
        None => query,
        Some(ListPosition { key: SortKey::Text(key), id }) if !list.key.is_time() => {
            query.bind::<Text, _>(key.clone()).bind::<Text, _>(id.clone())
        }
        Some(ListPosition { key: SortKey::Instant(key), id }) if list.key.is_time() => {
            query.bind::<Timestamptz, _>(*key).bind::<Text, _>(id.clone())
        }
        Some(_) => return Err(StorageError::Invalid(foreign_cursor())),
    };
    Ok(with_values(query, list).load(conn).await?)
}

/// Binds the values of the conditions.
fn with_values(query: PastQuery, list: &PastList) -> PastQuery {
    list.conditions.iter().fold(query, |query, condition| match &condition.value {
        PastValue::Text(text) => query.bind::<Text, _>(text.clone()),
        PastValue::Json(document) => query.bind::<Jsonb, _>(document.clone()),
    })
}

/// Returns the contents of these versions, in their order.
async fn contents(
    conn: &mut AsyncPgConnection,
    table: VersionedTable,
    items: &[PastItem],
) -> Result<Vec<Document>, StorageError> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let versions: Vec<&str> = items.iter().map(|item| item.version.as_str()).collect();
    // One statement: contents that are too long together are measured, and not returned.
    let statement = format!(
        "WITH page AS MATERIALIZED ({}), measured AS ( \
             SELECT coalesce(sum(octet_length(content::text)), 0)::bigint AS total FROM page \
         ) SELECT total, CASE WHEN total <= $3 THEN content END AS content \
         FROM measured CROSS JOIN page ORDER BY place",
        table.contents()
    );
    let rows: Vec<PastContentRow> = sql_query(statement)
        .bind::<Array<Text>, _>(&ids)
        .bind::<Array<Text>, _>(&versions)
        .bind::<BigInt, _>(MAX_PAGE_BYTES)
        .load(conn)
        .await?;
    ensure_fits(rows.as_slice().first().map_or(0, |row| row.total))?;
    Ok(rows.into_iter().filter_map(|row| row.content).collect())
}

#[derive(QueryableByName)]
struct PastTotalRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct PastContentRow {
    /// The length of all contents of the page, in bytes.
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Document>,
}

/// An item of a list, in the version that it had.
#[derive(QueryableByName)]
struct PastItem {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    time: Option<DateTime<Utc>>,
}

impl PastItem {
    fn position(&self) -> Option<ListPosition> {
        let text = self.text.clone().map(SortKey::Text);
        let key = text.or(self.time.map(SortKey::Instant))?;
        Some(ListPosition { key, id: self.id.clone() })
    }
}
