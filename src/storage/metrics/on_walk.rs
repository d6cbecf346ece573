//! The condition that a metric is among those that a walk through the list reads (keyset paging).
//! It is a subselect that needs an index alone, so that one statement finds the ids and fetches
//! the rows. No matter what is created or deleted meanwhile, a client that follows the cursors gets
//! each untouched metric exactly once.
//!
//! A position is passed in two ranges, the rest of the metrics with its sort key and those behind
//! that key, so that each is one range of an index, in both directions.

use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};

use super::filter::{filtered, sorted};
use crate::model::cursor::{ListPosition, SortKey};
use crate::model::list_walk::ListWalk;
use crate::model::metrics::query::{MetricQuery, SortField};
use crate::model::paging::foreign_cursor;
use crate::storage::StorageError;
use crate::storage::schema::metrics::{dsl, table};

type Range<'a> = Box<dyn QueryFragment<Pg> + Send + 'a>;

/// The condition. Use it where `metrics` is the only table.
pub(super) struct OnWalk<'a> {
    /// Ids and sort keys, each range in the direction of the walk.
    ranges: Vec<Range<'a>>,
    /// The direction of both.
    order: &'static str,
    skip: i64,
    count: i64,
}

impl<'a> OnWalk<'a> {
    /// # Errors
    /// [`StorageError::Invalid`] if the walk starts at a position of a list with another sort.
    pub(super) fn new(query: &'a MetricQuery, walk: &'a ListWalk) -> Result<Self, StorageError> {
        // None of the items that are passed over in one range is missing in the other.
        let most = walk.skip.saturating_add(walk.count);
        let mut ranges: Vec<Range<'a>> = Vec::new();
        macro_rules! ranges_by {
            ($column:expr, $key:ident) => {{
                let mut rest = filtered(&query.filter);
                match &walk.from {
                    None => {}
                    Some(ListPosition { key: SortKey::$key(key), id }) => {
                        let same_key = filtered(&query.filter).filter($column.eq(key));
                        let same_key = if walk.backwards {
                            same_key.filter(dsl::metric_id.lt(id)).order_by(dsl::metric_id.desc())
                        } else {
                            same_key.filter(dsl::metric_id.gt(id)).order_by(dsl::metric_id.asc())
                        };
                        ranges
                            .push(Box::new(same_key.select((dsl::metric_id, $column)).limit(most)));
                        rest = if query.sort.descending == walk.backwards {
                            rest.filter($column.gt(key))
                        } else {
                            rest.filter($column.lt(key))
                        };
                    }
                    Some(_) => return Err(StorageError::Invalid(foreign_cursor())),
                }
                let rest = sorted(rest, query.sort, walk.backwards);
                ranges.push(Box::new(rest.select((dsl::metric_id, $column)).limit(most)));
            }};
        }
        match query.sort.by {
            SortField::Name => ranges_by!(dsl::name, Text),
            SortField::Tier => ranges_by!(dsl::tier, Text),
            SortField::CreatedAt => ranges_by!(dsl::created_at, Instant),
            SortField::UpdatedAt => ranges_by!(dsl::updated_at, Instant),
        }
        let order = match (query.sort.descending, walk.backwards) {
            (false, false) => "key ASC, metric_id ASC",
            (false, true) => "key DESC, metric_id DESC",
            (true, false) => "key DESC, metric_id ASC",
            (true, true) => "key ASC, metric_id DESC",
        };
        Ok(Self { ranges, order, skip: walk.skip, count: walk.count })
    }
}

impl QueryFragment<Pg> for OnWalk<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("metrics.metric_id IN (SELECT metric_id FROM (");
        for (index, range) in self.ranges.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { " UNION ALL (" });
            range.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(") AS passed (metric_id, key) ORDER BY ");
        out.push_sql(self.order);
        if self.skip > 0 {
            out.push_sql(" OFFSET ");
            out.push_bind_param::<BigInt, _>(&self.skip)?;
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.count)?;
        out.push_sql(")");
        Ok(())
    }
}

impl Expression for OnWalk<'_> {
    type SqlType = Bool;
}

impl AppearsOnTable<table> for OnWalk<'_> {}

impl ValidGrouping<()> for OnWalk<'_> {
    type IsAggregate = is_aggregate::Never;
}

// Its text depends on the filters.
impl QueryId for OnWalk<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
