//! The smallest statement, to find out whether the database answers.

use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

/// Runs one statement that reads no table.
pub async fn ping(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    diesel::sql_query("SELECT 1").execute(conn).await?;
    Ok(())
}
