//! Lists of business domains, sorted by name, which is unique. The ids of the part are read first,
//! without the long columns of the domains that are skipped. A part longer than the maximum is
//! refused before its rows are fetched.

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::DomainRow;
use crate::model::business_domains::query::DomainQuery;
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::page::PageRequest;
use crate::model::paging::{CursorRequest, ListPart, Paging, foreign_cursor};
use crate::storage::StorageError;
use crate::storage::full_text::prefixes;
use crate::storage::page_size::ensure_fits;
use crate::storage::schema::business_domains::{dsl, table};

/// About how long domains are as JSON, in bytes.
const SIZE: &str = "coalesce(sum(500 + coalesce(octet_length(description), 0) \
    + coalesce(octet_length(owner_team), 0) + octet_length(tier_focus::text) \
    + octet_length(key_areas::text)), 0)::bigint";
/// The words of a domain, with the function that metrics use. There are few domains, so that no
/// index is worth its cost.
const MATCHES: &str =
    "metric_search_words(name, coalesce(description, ''), '') @@ to_tsquery('simple', ";

type Ids = Vec<String>;

/// Lists the requested part. A page comes with the number of all domains that match the search,
/// which is counted unless it is `known`.
///
/// # Errors
/// [`StorageError::Invalid`] for a part that is too long, and for a cursor of another list.
pub async fn list_part(
    conn: &mut AsyncPgConnection,
    query: &DomainQuery,
    known: Option<i64>,
) -> Result<(Vec<DomainRow>, ListPart), StorageError> {
    let (ids, part) = match &query.paging {
        Paging::Page(page) => {
            let total = match known {
                Some(total) => total,
                None => matching(&query.search).count().get_result(conn).await?,
            };
            (on_page(conn, query, *page, total).await?, ListPart::Page(*page, total))
        }
        Paging::Cursor(cursor) => {
            let (ids, position) = after_cursor(conn, query, cursor).await?;
            (ids, ListPart::Cursor(cursor.clone(), position))
        }
    };
    if ids.is_empty() {
        return Ok((Vec::new(), part));
    }
    let listed = dsl::business_domains.filter(dsl::domain_id.eq_any(&ids));
    ensure_fits(listed.clone().select(sql::<BigInt>(SIZE)).get_result(conn).await?)?;
    let rows = listed.select(DomainRow::as_select()).order_by(dsl::name).load(conn).await?;
    Ok((rows, part))
}

async fn on_page(
    conn: &mut AsyncPgConnection,
    query: &DomainQuery,
    page: PageRequest,
    total: i64,
) -> Result<Ids, StorageError> {
    if page.offset() >= total {
        return Ok(Vec::new());
    }
    let ids = matching(&query.search).order_by(dsl::name).select(dsl::domain_id);
    Ok(ids.offset(page.offset()).limit(page.limit).load(conn).await?)
}

/// Returns the ids of the part, and the position of its last domain if there are more.
async fn after_cursor(
    conn: &mut AsyncPgConnection,
    query: &DomainQuery,
    cursor: &CursorRequest,
) -> Result<(Ids, Option<ListPosition>), StorageError> {
    let mut rest = matching(&query.search)
        .order_by(dsl::name)
        .select((dsl::domain_id, dsl::name))
        // One more than requested says whether there are more.
        .limit(cursor.limit.saturating_add(1));
    match &cursor.after {
        None => {}
        Some(ListPosition { key: SortKey::Text(name), .. }) => {
            rest = rest.filter(dsl::name.gt(name));
        }
        Some(_) => return Err(StorageError::Invalid(foreign_cursor())),
    }
    let mut found: Vec<(String, String)> = rest.load(conn).await?;
    let limit = usize::try_from(cursor.limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let position =
        last.map(|(id, name)| ListPosition { key: SortKey::Text(name.clone()), id: id.clone() });
    Ok((found.into_iter().map(|(id, _)| id).collect(), position))
}

fn matching(search: &[String]) -> diesel::helper_types::IntoBoxed<'static, table, Pg> {
    let all = dsl::business_domains.into_boxed();
    if search.is_empty() {
        return all;
    }
    all.filter(sql::<Bool>(MATCHES).bind::<Text, _>(prefixes(search)).sql(")"))
}
