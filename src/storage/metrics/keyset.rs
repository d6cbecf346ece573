//! Parts of the list of metrics that follow a position (keyset paging). No matter what is created
//! or deleted meanwhile, a client that follows the cursors gets each untouched metric exactly once.
//!
//! A position is passed in two steps, the rest of the metrics with its sort key and then the
//! greater keys, so that each is one range of an index, in both directions.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::filter::{filtered, sorted};
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::metrics::query::{MetricQuery, SortField};
use crate::model::paging::{CursorRequest, foreign_cursor};
use crate::storage::StorageError;
use crate::storage::schema::metrics::dsl;

/// Returns the ids of the part, and the position of its last metric if there are more. The position
/// comes from the statement that found the id: the metric may have another sort key when its row is
/// fetched.
pub(super) async fn ids(
    conn: &mut AsyncPgConnection,
    query: &MetricQuery,
    cursor: &CursorRequest,
) -> Result<(Vec<String>, Option<ListPosition>), StorageError> {
    // One more than requested says whether there are more.
    let wanted = cursor.limit.saturating_add(1);
    macro_rules! ids_by {
        ($column:expr, $key:ident) => {{
            let mut found = Vec::new();
            let mut rest = filtered(&query.filter);
            match &cursor.after {
                None => {}
                Some(ListPosition { key: SortKey::$key(key), id }) => {
                    found = filtered(&query.filter)
                        .filter($column.eq(key))
                        .filter(dsl::metric_id.gt(id))
                        .order_by(dsl::metric_id)
                        .select((dsl::metric_id, $column))
                        .limit(wanted)
                        .load(conn)
                        .await?;
                    rest = if query.sort.descending {
                        rest.filter($column.lt(key))
                    } else {
                        rest.filter($column.gt(key))
                    };
                }
                Some(_) => return Err(StorageError::Invalid(foreign_cursor())),
            }
            let missing = wanted.saturating_sub(i64::try_from(found.len()).unwrap_or(wanted));
            if missing > 0 {
                let rest = sorted(rest, query.sort, false).select((dsl::metric_id, $column));
                found.extend(rest.limit(missing).load(conn).await?);
            }
            let found = found.into_iter().map(|(id, key)| (id, SortKey::$key(key))).collect();
            Ok(up_to(cursor.limit, found))
        }};
    }
    match query.sort.by {
        SortField::Name => ids_by!(dsl::name, Text),
        SortField::Tier => ids_by!(dsl::tier, Text),
        SortField::CreatedAt => ids_by!(dsl::created_at, Instant),
        SortField::UpdatedAt => ids_by!(dsl::updated_at, Instant),
    }
}

/// Returns the first `limit` ids, and the position of the last of them if there are more.
fn up_to(limit: i64, mut found: Vec<(String, SortKey)>) -> (Vec<String>, Option<ListPosition>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let position = last.map(|(id, key)| ListPosition { key: key.clone(), id: id.clone() });
    (found.into_iter().map(|(id, _)| id).collect(), position)
}
