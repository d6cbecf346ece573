//! Rows on their way: each is one text, as the server writes a row of its table (PostgreSQL
//! documentation, "Composite Types"), which keeps every value as it is.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::storage::StorageError;
use crate::storage::database_copy::tables::{CopiedTable, TableContent};

const CURSOR: &str = "copied_rows";

#[derive(QueryableByName)]
struct RowText {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct CopiedContent {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    checksum: String,
}

/// Begins to read a table, inside the transaction of the connection.
pub(super) async fn open(
    conn: &mut AsyncPgConnection,
    table: &CopiedTable,
) -> Result<(), StorageError> {
    let name = &table.name;
    let declare =
        format!("DECLARE {CURSOR} NO SCROLL CURSOR FOR SELECT {name}::text AS line FROM {name}");
    Ok(conn.batch_execute(&declare).await?)
}

/// Returns the next rows; fewer than `limit` if there are no more.
pub(super) async fn next(
    conn: &mut AsyncPgConnection,
    limit: usize,
) -> Result<Vec<String>, StorageError> {
    let fetch = diesel::sql_query(format!("FETCH {limit} FROM {CURSOR}"));
    let rows: Vec<RowText> = fetch.load(conn).await?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// Ends reading the table.
pub(super) async fn close(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    Ok(conn.batch_execute(&format!("CLOSE {CURSOR}")).await?)
}

/// Writes rows that [`next`] has read from the table of the same name.
pub(super) async fn insert(
    conn: &mut AsyncPgConnection,
    table: &CopiedTable,
    rows: Vec<String>,
) -> Result<(), StorageError> {
    let name = &table.name;
    let values: Vec<String> =
        table.columns.iter().map(|column| format!("(copied.item).{column}")).collect();
    // OFFSET keeps the planner from parsing each row once for every column.
    let insert = format!(
        "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} \
         FROM (SELECT line::{name} AS item FROM unnest($1) AS lines(line) OFFSET 0) AS copied",
        columns = table.columns.join(", "),
        values = values.join(", "),
    );
    diesel::sql_query(insert).bind::<Array<Text>, _>(rows).execute(conn).await?;
    Ok(())
}

/// Returns the number of rows of a table and a checksum of them. Generated columns do not count:
/// another version of the server may generate other words.
pub(super) async fn content(
    conn: &mut AsyncPgConnection,
    table: &CopiedTable,
) -> Result<TableContent, StorageError> {
    let query = format!(
        "SELECT count(*) AS rows, coalesce(sum(('x' || substr(encode(sha256(convert_to(\
             ROW({columns})::text, 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint), 0)::text \
             AS checksum FROM {name}",
        columns = table.columns.join(", "),
        name = table.name,
    );
    let row: CopiedContent = diesel::sql_query(query).get_result(conn).await?;
    let rows = u64::try_from(row.rows).unwrap_or(0);
    Ok(TableContent { table: table.name.clone(), rows, checksum: row.checksum })
}
