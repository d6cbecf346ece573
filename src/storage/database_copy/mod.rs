//! Copies all rows from one database into another one with the same schema, in one transaction:
//! everything arrives, or nothing. Which tables there are is read from the catalogue of the server,
//! so a new table needs no line here. `tables` reads them, `rows` moves their rows, and `target`
//! checks and prepares the database that is filled.

mod error;
mod rows;
mod tables;
mod target;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

pub use self::error::CopyError;
use self::tables::CopiedTable;
pub use self::tables::TableContent;
use super::StorageError;

/// Rows that are read and written with one statement each; some may have 256 KiB.
const BATCH: usize = 100;
/// Values are written as text: so that both servers write the same.
const TEXT_FORMAT: &str = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; \
    SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL timezone = 'UTC'";

/// Copies all rows. The schema of both databases is the same and the target has no rows but those
/// that migrations insert. `progress` is called with the number of rows that were copied and that
/// of all. Returns what was copied, after comparing it.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy(
    source: &mut AsyncPgConnection,
    target: &mut AsyncPgConnection,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<TableContent>, CopyError> {
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {TEXT_FORMAT}");
    source.batch_execute(&begin).await.map_err(StorageError::from).map_err(CopyError::Source)?;
    let tables = tables::list(source).await.map_err(CopyError::Source)?;
    let mut contents = Vec::new();
    for table in &tables {
        contents.push(rows::content(source, table).await.map_err(CopyError::Source)?);
    }
    let begin = format!("BEGIN; {TEXT_FORMAT}");
    target.batch_execute(&begin).await.map_err(StorageError::from).map_err(CopyError::Target)?;
    target::lock(target, &tables).await?;
    let changes = target::suspend_rules(target).await.map_err(CopyError::Target)?;
    let (mut done, total) = (0, contents.iter().map(|content| content.rows).sum());
    for table in &tables {
        copy_table(source, target, table, |rows| {
            done += rows;
            progress(done, total);
        })
        .await?;
    }
    for sequence in tables::sequences(source).await.map_err(CopyError::Source)? {
        tables::set_sequence(target, &sequence).await.map_err(CopyError::Target)?;
    }
    target::resume_rules(target, &changes).await.map_err(CopyError::Target)?;
    for (table, read) in tables.iter().zip(&contents) {
        let written = rows::content(target, table).await.map_err(CopyError::Target)?;
        if written != *read {
            let (table, read, written) = (read.table.clone(), read.rows, written.rows);
            return Err(CopyError::Different { table, read, written });
        }
    }
    target::commit(target, &tables).await.map_err(CopyError::Target)?;
    Ok(contents)
}

async fn copy_table(
    source: &mut AsyncPgConnection,
    target: &mut AsyncPgConnection,
    table: &CopiedTable,
    mut copied: impl FnMut(u64),
) -> Result<(), CopyError> {
    rows::open(source, table).await.map_err(CopyError::Source)?;
    loop {
        let batch = rows::next(source, BATCH).await.map_err(CopyError::Source)?;
        let number = batch.len();
        if number > 0 {
            rows::insert(target, table, batch).await.map_err(CopyError::Target)?;
            copied(number as u64);
        }
        if number < BATCH {
            return rows::close(source).await.map_err(CopyError::Source);
        }
    }
}
