//! Walks through the list of metrics from a position (keyset paging). No matter what is created or
//! deleted meanwhile, a client that follows the cursors gets each untouched metric exactly once.
//!
//! A position is passed in two steps, the rest of the metrics with its sort key and then those
//! behind that key, so that each is one range of an index, in both directions.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::filter::{Boxed, filtered, sorted};
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::list_walk::ListWalk;
use crate::model::metrics::query::{MetricQuery, SortField};
use crate::model::paging::{CursorRequest, foreign_cursor};
use crate::storage::StorageError;
use crate::storage::schema::metrics::dsl;

/// Returns the ids of the part that follows a cursor, and the position of its last metric if there
/// are more. The position comes from the statement that found the id: the metric may have another
/// sort key when its row is fetched.
pub(super) async fn ids(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    cursor: &CursorRequest,
) -> Result<(Vec<String>, Option<ListPosition>), StorageError> {
    // One more than requested says whether there are more.
    let count = cursor.limit.saturating_add(1);
    let walk = ListWalk { from: cursor.after.clone(), backwards: false, skip: 0, count };
    let mut found = positions(conn, query, &walk).await?;
    let limit = usize::try_from(cursor.limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more).cloned();
    Ok((found.into_iter().map(|position| position.id).collect(), last))
}

/// Returns the metrics that a walk reads, in its direction.
///
/// # Errors
/// [`StorageError::Invalid`] if it starts at a position of a list with another sort.
pub(super) async fn positions(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    walk: &ListWalk,
) -> Result<Vec<ListPosition>, StorageError> {
    macro_rules! positions_by {
        ($column:expr, $key:ident) => {{
            let mut found: Vec<(String, _)> = Vec::new();
            let mut skip = walk.skip;
            let mut rest = filtered(&query.filter);
            match &walk.from {
                None => {}
                Some(ListPosition { key: SortKey::$key(key), id }) => {
                    let same_key = || {
                        let same_key = filtered(&query.filter).filter($column.eq(key));
                        if walk.backwards {
                            same_key.filter(dsl::metric_id.lt(id))
                        } else {
                            same_key.filter(dsl::metric_id.gt(id))
                        }
                    };
                    let by_id = if walk.backwards {
                        same_key().order_by(dsl::metric_id.desc())
                    } else {
                        same_key().order_by(dsl::metric_id.asc())
                    };
                    let ids = part(by_id, skip, walk.count).select((dsl::metric_id, $column));
                    found = ids.load(conn).await?;
                    skip = if found.is_empty() && skip > 0 {
                        // All of them are passed over, and there are fewer than that.
                        let passed: i64 = same_key().count().get_result(conn).await?;
                        skip.saturating_sub(passed).max(0)
                    } else {
                        0
                    };
                    rest = if query.sort.descending == walk.backwards {
                        rest.filter($column.gt(key))
                    } else {
                        rest.filter($column.lt(key))
                    };
                }
                Some(_) => return Err(StorageError::Invalid(foreign_cursor())),
            }
            let read = i64::try_from(found.len()).unwrap_or(walk.count);
            let missing = walk.count.saturating_sub(read);
            if missing > 0 {
                let rest = part(sorted(rest, query.sort, walk.backwards), skip, missing);
                found.extend(rest.select((dsl::metric_id, $column)).load(conn).await?);
            }
            let position = |(id, key)| ListPosition { key: SortKey::$key(key), id };
            Ok(found.into_iter().map(position).collect())
        }};
    }
    match query.sort.by {
        SortField::Name => positions_by!(dsl::name, Text),
        SortField::Tier => positions_by!(dsl::tier, Text),
        SortField::CreatedAt => positions_by!(dsl::created_at, Instant),
        SortField::UpdatedAt => positions_by!(dsl::updated_at, Instant),
    }
}

fn part(query: Boxed<'_>, skip: i64, count: i64) -> Boxed<'_> {
    let query = query.limit(count);
    if skip > 0 { query.offset(skip) } else { query }
}
