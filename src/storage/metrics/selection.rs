//! Fetches the rows of a part of the list, with the columns that its response needs.

use diesel::dsl::{case_when, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::MetricRow;
use crate::model::fields::FieldSelection;
use crate::storage::StorageError;
use crate::storage::page_size::{MAX_PAGE_BYTES, ensure_fits};
use crate::storage::schema::metrics::dsl;

/// About how long a metric is as JSON, in bytes; it is stored.
const WHOLE: &str = "size_bytes";
/// About how long the columns are that are fetched whatever is selected.
const TEXTS: &str = "2400 + octet_length(description) + coalesce(octet_length(notes), 0)";

/// Fetches these metrics, or none if all of them together are too long; one statement measures and
/// fetches. JSON columns that are not selected are null, and are neither decompressed nor sent.
/// With any of them, a metric counts as a whole.
///
/// # Errors
/// [`StorageError::Invalid`] for more than [`MAX_PAGE_BYTES`].
pub(super) async fn rows(
    conn: &mut AsyncPgConnection,
    ids: &[String],
    fields: Option<&FieldSelection>,
) -> Result<Vec<MetricRow>, StorageError> {
    let on_page = dsl::metrics.filter(dsl::metric_id.eq_any(ids));
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
    let size = format!("coalesce(sum({measure}), 0)::bigint");
    let fits = sql::<Bool>(&format!("(SELECT {size} FROM metrics AS page WHERE metric_id = ANY("))
        .bind::<Array<Text>, _>(ids)
        .sql(")) <= ")
        .bind::<BigInt, _>(MAX_PAGE_BYTES);
    let rows: Vec<MetricRow> = on_page.clone().filter(fits).select(columns).load(conn).await?;
    if rows.is_empty() && !ids.is_empty() {
        ensure_fits(on_page.select(sql::<BigInt>(&size)).first(conn).await?)?;
    }
    Ok(rows)
}
