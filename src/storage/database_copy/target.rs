//! The database that is filled: it is locked and must be empty. While rows arrive, triggers on
//! insertions are off, because what they would write is copied, too; and references are checked at
//! the end, so that tables and rows may come in any order.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::storage::StorageError;
use crate::storage::database_copy::error::CopyError;
use crate::storage::database_copy::tables::{self, CopiedTable};

/// Longest wait for a transaction of another session on the target.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '5s'";

/// A statement that changes the schema, and the one that reverts it.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct RuleChange {
    #[diesel(sql_type = Text)]
    suspend: String,
    #[diesel(sql_type = Text)]
    resume: String,
}

#[derive(QueryableByName)]
struct HasRows {
    #[diesel(sql_type = Bool)]
    has_rows: bool,
}

/// Locks the tables until the end of the transaction, checks that they are like those of the source
/// and empty, and deletes the rows of migrations.
pub(super) async fn lock(
    conn: &mut AsyncPgConnection,
    expected: &[CopiedTable],
) -> Result<(), CopyError> {
    let found = tables::list(conn).await.map_err(CopyError::Target)?;
    for table in expected {
        match found.iter().find(|found| found.name == table.name) {
            Some(found) if found.layout != table.layout => {
                return Err(CopyError::OtherColumns(table.name.clone()));
            }
            Some(found) if !found.is_owned => return Err(CopyError::NotOwner(table.name.clone())),
            Some(_) => {}
            None => return Err(CopyError::OtherColumns(table.name.clone())),
        }
    }
    let lock = format!("{LOCK_TIMEOUT}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names(expected));
    execute(conn, &lock).await.map_err(CopyError::Target)?;
    for table in expected {
        if table.is_singleton {
            let delete = format!("DELETE FROM {}", table.name);
            execute(conn, &delete).await.map_err(CopyError::Target)?;
        } else if has_rows(conn, table).await.map_err(CopyError::Target)? {
            return Err(CopyError::NotEmpty(table.name.clone()));
        }
    }
    Ok(())
}

async fn has_rows(conn: &mut AsyncPgConnection, table: &CopiedTable) -> Result<bool, StorageError> {
    let query = format!("SELECT EXISTS (SELECT FROM {}) AS has_rows", table.name);
    let row: HasRows = diesel::sql_query(query).get_result(conn).await?;
    Ok(row.has_rows)
}

/// Switches off what would change or refuse rows on their arrival. Returns what
/// [`resume_rules`] needs.
pub(super) async fn suspend_rules(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<RuleChange>, StorageError> {
    // 4 is the bit of INSERT in tgtype.
    let changes = diesel::sql_query(
        "SELECT format('ALTER TABLE %I DISABLE TRIGGER %I', c.relname, t.tgname) AS suspend, \
                format('ALTER TABLE %I ENABLE %s TRIGGER %I', c.relname, \
                    CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' ELSE '' END, t.tgname) AS resume \
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND NOT t.tgisinternal \
           AND t.tgtype & 4 <> 0 AND t.tgenabled IN ('O', 'A') \
         UNION ALL \
         SELECT format('ALTER TABLE %I ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', \
                    c.relname, k.conname), \
                format('ALTER TABLE %I ALTER CONSTRAINT %I NOT DEFERRABLE', c.relname, k.conname) \
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND k.contype = 'f' AND NOT k.condeferrable",
    );
    let changes: Vec<RuleChange> = changes.load(conn).await?;
    for change in &changes {
        execute(conn, &change.suspend).await?;
    }
    Ok(changes)
}

/// Checks all references, and restores what [`suspend_rules`] has changed.
pub(super) async fn resume_rules(
    conn: &mut AsyncPgConnection,
    changes: &[RuleChange],
) -> Result<(), StorageError> {
    execute(conn, "SET CONSTRAINTS ALL IMMEDIATE").await?;
    for change in changes {
        execute(conn, &change.resume).await?;
    }
    Ok(())
}

/// Commits, and measures the tables for the planner, which knows them as empty.
/// Without that they are slower, until the server does it by itself.
pub(super) async fn commit(
    conn: &mut AsyncPgConnection,
    filled: &[CopiedTable],
) -> Result<(), StorageError> {
    execute(conn, "COMMIT").await?;
    let _ = execute(conn, &format!("ANALYZE {}", names(filled))).await;
    Ok(())
}

fn names(tables: &[CopiedTable]) -> String {
    tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ")
}

async fn execute(conn: &mut AsyncPgConnection, statement: &str) -> Result<(), StorageError> {
    Ok(conn.batch_execute(statement).await?)
}
