//! How many rows tables have, as the statistics of the database estimate them: counting them would
//! read the whole tables.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

/// The estimated size of a table.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct TableRows {
    #[diesel(sql_type = Text)]
    pub table: String,
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

/// Estimates the rows of these tables; a table that does not exist is left out. The statistics of
/// activity are lost in a crash, those of the last ANALYZE are not.
///
/// # Errors
/// When the statement fails.
pub async fn estimate(
    conn: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<TableRows>, StorageError> {
    let statement = "SELECT class.relname::text AS table, \
                greatest(coalesce(nullif(activity.n_live_tup, 0), class.reltuples::bigint), 0) \
                    AS rows \
         FROM unnest($1) AS named(name) \
         JOIN pg_class class ON class.oid = to_regclass(named.name) \
         LEFT JOIN pg_stat_user_tables activity ON activity.relid = class.oid";
    Ok(diesel::sql_query(statement).bind::<Array<Text>, _>(tables).load(conn).await?)
}
