//! The tables and sequences of a schema, from the catalogue of the server.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::storage::StorageError;

/// A table whose rows are copied.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(super) struct CopiedTable {
    /// Quoted where SQL asks for it.
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// Whether it has one row, which its migration inserts.
    #[diesel(sql_type = Bool)]
    pub(super) is_singleton: bool,
    /// Whether the role of this connection may change the table itself.
    #[diesel(sql_type = Bool)]
    pub(super) is_owned: bool,
    /// The columns that are written, quoted; generated ones are not.
    #[diesel(sql_type = Array<Text>)]
    pub(super) columns: Vec<String>,
    /// Names and types of all columns, in their order.
    #[diesel(sql_type = Text)]
    pub(super) layout: String,
}

/// What a table contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableContent {
    pub table: String,
    pub rows: u64,
    /// A sum over all values of all rows, in no order.
    pub(super) checksum: String,
}

/// A sequence, and where it is.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct CopiedSequence {
    #[diesel(sql_type = Text)]
    name: String,
    /// The next value; rows that were deleted had others.
    #[diesel(sql_type = BigInt)]
    next: i64,
}

#[derive(QueryableByName)]
struct SequenceName {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Returns the tables of the schema, without the list of migrations.
pub(super) async fn list(conn: &mut AsyncPgConnection) -> Result<Vec<CopiedTable>, StorageError> {
    let tables = diesel::sql_query(
        "SELECT quote_ident(c.relname) AS name, \
                bool_or(a.attname = 'singleton') AS is_singleton, \
                pg_has_role(c.relowner, 'USAGE') AS is_owned, \
                array_agg(quote_ident(a.attname) ORDER BY a.attnum) \
                    FILTER (WHERE a.attgenerated = '') AS columns, \
                string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' \
                    || a.attgenerated::text, ',' ORDER BY a.attnum) AS layout \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE n.nspname = current_schema() AND c.relkind = 'r' \
           AND c.relname <> '__diesel_schema_migrations' \
         GROUP BY c.oid, c.relname, c.relowner ORDER BY c.relname COLLATE \"C\"",
    );
    Ok(tables.load(conn).await?)
}

/// Returns the sequences of the schema.
pub(super) async fn sequences(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<CopiedSequence>, StorageError> {
    let names = diesel::sql_query(
        "SELECT quote_ident(c.relname) AS name \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind = 'S' ORDER BY 1",
    );
    let names: Vec<SequenceName> = names.load(conn).await?;
    let mut sequences = Vec::new();
    for SequenceName { name } in names {
        let state = format!(
            "SELECT '{name}' AS name, last_value + is_called::int::bigint AS next FROM {name}"
        );
        sequences.push(diesel::sql_query(state).get_result(conn).await?);
    }
    Ok(sequences)
}

/// Sets a sequence of the same name to the same place.
pub(super) async fn set_sequence(
    conn: &mut AsyncPgConnection,
    sequence: &CopiedSequence,
) -> Result<(), StorageError> {
    let set = diesel::sql_query("SELECT setval($1::regclass, $2, false)");
    let set = set.bind::<Text, _>(&sequence.name).bind::<BigInt, _>(sequence.next);
    set.execute(conn).await?;
    Ok(())
}
