//! Fetches the rows that a walk through the list reads, with the columns that a response needs.

use diesel::dsl::{case_when, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Jsonb};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::MetricRow;
use super::filter::sorted;
use super::on_walk::OnWalk;
use crate::model::list_walk::ListWalk;
use crate::model::metrics::query::MetricQuery;
use crate::storage::StorageError;
use crate::storage::page_size::{MAX_PAGE_BYTES, ensure_fits};
use crate::storage::schema::metrics::dsl;

/// About how long a metric is as JSON, in bytes; it is stored.
const WHOLE: &str = "size_bytes";
/// About how long the columns are that are fetched whatever is selected.
const TEXTS: &str = "2400 + octet_length(description) + coalesce(octet_length(notes), 0)";

/// So many metrics of the largest size (256 KiB) fit on a page, so they are not measured before.
const ALWAYS_FIT: i64 = 24;

/// Fetches the metrics that a walk reads, in the order of the list, or none if all of them together
/// are too long; one statement finds, measures and fetches. JSON columns that are not selected are
/// null, and are neither decompressed nor sent. With any of them, a metric counts as a whole.
///
/// # Errors
/// [`StorageError::Invalid`] for more than [`MAX_PAGE_BYTES`], and if the walk starts at a position
/// of a list with another sort.
pub(super) async fn rows(
    mut conn: &AsyncPgConnection,
    query: &MetricQuery,
    walk: &ListWalk,
) -> Result<Vec<MetricRow>, StorageError> {
    let fields = query.fields.as_ref();
    let part = |part: &str| fields.is_none_or(|fields| fields.includes_part("metadata", part));
    let mut measure = TEXTS;
    macro_rules! selected {
        ($column:ident) => {
            selected!($column, fields.is_none_or(|fields| fields.includes(stringify!($column))))
        };
        ($column:ident, $is_selected:expr) => {{
            let is_selected: bool = $is_selected;
            if is_selected {
                measure = WHOLE;
            }
            case_when(is_selected.into_sql::<Bool>(), dsl::$column)
                .otherwise(sql::<Jsonb>("'null'::jsonb"))
        }};
    }
    // In the order of the fields of `MetricRow`.
    let columns = (
        dsl::metric_id,
        dsl::name,
        dsl::short_name,
        dsl::description,
        dsl::category,
        dsl::tier,
        dsl::business_domain,
        dsl::metric_type,
        selected!(tags),
        selected!(alignment),
        selected!(definition),
        selected!(data),
        selected!(governance),
        selected!(dimensions),
        selected!(targets_and_alerts),
        selected!(visualization),
        selected!(relationships),
        selected!(operational_usage),
        dsl::notes,
        selected!(example_queries, part("example_queries")),
        dsl::version,
        dsl::revision,
        dsl::created_at,
        dsl::created_by,
        dsl::updated_at,
        dsl::updated_by,
        selected!(change_history, part("change_history")),
    );
    let on_walk = || OnWalk::new(query, walk);
    let found = sorted(dsl::metrics.into_boxed(), query.sort, false).filter(on_walk()?);
    if walk.count <= ALWAYS_FIT {
        return Ok(found.select(columns).load(&mut conn).await?);
    }
    let size = format!("coalesce(sum({measure}), 0)::bigint");
    let fits = sql::<Bool>(&format!("(SELECT {size} FROM metrics WHERE "))
        .bind::<Bool, _>(on_walk()?)
        .sql(") <= ")
        .bind::<BigInt, _>(MAX_PAGE_BYTES);
    let rows: Vec<MetricRow> = found.filter(fits).select(columns).load(&mut conn).await?;
    if rows.is_empty() {
        let size = dsl::metrics.filter(on_walk()?).select(sql::<BigInt>(&size));
        ensure_fits(size.first(&mut conn).await?)?;
    }
    Ok(rows)
}
