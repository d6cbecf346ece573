//! Statements that read and write no table: whether the database answers, and that its files have
//! all that is committed.

use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

/// Runs one statement that reads no table.
pub async fn ping(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    diesel::sql_query("SELECT 1").execute(conn).await?;
    Ok(())
}

/// Writes everything that is committed to the files of the tables, so that a database that begins
/// with them has nothing to repeat.
pub async fn checkpoint(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    diesel::sql_query("CHECKPOINT").execute(conn).await?;
    Ok(())
}
