//! The facets of a list of metrics: which values its metrics have, and how many have each.

use diesel::sql_types::{BigInt, Jsonb, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::completeness::INCOMPLETE_IDS;
use crate::model::metrics::query::MetricFilter;
use crate::storage::StorageError;
use crate::storage::full_text::prefixes;

/// Most values of one facet, the commonest first.
const MAX_VALUES: i64 = 20;
/// The parameters that filter by a column of the same name, which has few values.
const COLUMNS: [&str; 7] =
    ["business_domain", "status", "tier", "metric_type", "owner_team", "category", "completeness"];

/// A value of a facet.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct FacetValue {
    /// The parameter that filters by this value.
    #[diesel(sql_type = Text)]
    pub parameter: String,
    #[diesel(sql_type = Text)]
    pub value: String,
    /// The metrics of the list that have it.
    #[diesel(sql_type = BigInt)]
    pub metrics: i64,
}

/// Counts the values of the metrics that match the filter, at most 20 of each facet, the commonest
/// first. What drafts lack is no value.
pub async fn count_facets(
    conn: &mut AsyncPgConnection,
    filter: &MetricFilter,
) -> Result<Vec<FacetValue>, StorageError> {
    let (columns, tags) = (COLUMNS.join(", "), COLUMNS.len());
    let cases = COLUMNS.iter().enumerate();
    let cases: Vec<_> =
        cases.map(|(place, column)| format!("WHEN grouping({column}) = 0 THEN {place}")).collect();
    // One scan counts all columns, and each different list of tags.
    let statement = format!(
        "WITH matching AS ( \
             SELECT business_domain, status, tier, metric_type, owner_team, category, tags, \
                 CASE WHEN incomplete.metric_id IS NULL THEN 'complete' ELSE 'incomplete' END \
                 AS completeness \
             FROM metrics LEFT JOIN ({INCOMPLETE_IDS}) AS incomplete \
                 ON incomplete.metric_id = metrics.metric_id \
             WHERE ($1 IS NULL OR category = $1) AND ($2 IS NULL OR business_domain = $2) \
             AND ($3 IS NULL OR tier = $3) AND ($4 IS NULL OR metric_type = $4) \
             AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR owner_team = $6) \
             AND ($7 IS NULL OR tags @> $7) \
             AND ($8 IS NULL OR search @@ to_tsquery('simple', $8)) \
             AND ($9 IS NULL OR ($9 = 'complete') = (incomplete.metric_id IS NULL)) \
         ), counted AS ( \
             SELECT CASE {} ELSE {tags} END AS place, coalesce({columns}) AS value, tags, \
                 count(*) AS metrics \
             FROM matching GROUP BY GROUPING SETS (({}), (tags)) \
         ), present AS ( \
             SELECT place, value, metrics FROM counted WHERE place < {tags} AND value <> '' \
             UNION ALL \
             SELECT place, tag, sum(metrics)::bigint \
             FROM counted, jsonb_array_elements_text(tags) AS tag \
             WHERE place = {tags} AND position(',' IN tag) = 0 GROUP BY place, tag \
         ), ranked AS ( \
             SELECT *, row_number() OVER (PARTITION BY place ORDER BY metrics DESC, value) AS rank \
             FROM present \
         ) \
         SELECT split_part('{columns}, tags', ', ', place + 1) AS parameter, value, metrics \
         FROM ranked WHERE rank <= {MAX_VALUES} ORDER BY place, rank",
        cases.join(" "),
        COLUMNS.join("), ("),
    );
    let tags = (!filter.tags.is_empty()).then(|| serde_json::Value::from(filter.tags.clone()));
    let search = (!filter.search.is_empty()).then(|| prefixes(&filter.search));
    Ok(sql_query(statement)
        .bind::<Nullable<Text>, _>(filter.category.as_deref())
        .bind::<Nullable<Text>, _>(filter.business_domain.as_deref())
        .bind::<Nullable<Text>, _>(filter.tier.as_ref().map(AsRef::<str>::as_ref))
        .bind::<Nullable<Text>, _>(filter.metric_type.as_ref().map(AsRef::<str>::as_ref))
        .bind::<Nullable<Text>, _>(filter.status.as_ref().map(AsRef::<str>::as_ref))
        .bind::<Nullable<Text>, _>(filter.owner_team.as_deref())
        .bind::<Nullable<Jsonb>, _>(tags)
        .bind::<Nullable<Text>, _>(search)
        .bind::<Nullable<Text>, _>(filter.completeness.as_ref().map(AsRef::<str>::as_ref))
        .load(conn)
        .await?)
}
