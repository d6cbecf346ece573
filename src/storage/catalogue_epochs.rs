//! The catalogue's epoch: a counter that every change of it raises in its own transaction.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;
use super::schema::catalogue_epochs::dsl;

/// The channel on which changes are announced.
pub const CHANNEL: &str = "mdl_catalogue";

/// Takes the writers' turn until the transaction ends. First thing in a transaction that changes
/// the catalogue, two of them never wait for each other.
pub async fn lock(conn: &mut AsyncPgConnection) -> Result<(), StorageError> {
    dsl::catalogue_epochs.select(dsl::epoch).for_update().first::<i64>(conn).await?;
    Ok(())
}

/// The present epoch.
pub async fn current(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(dsl::catalogue_epochs.select(dsl::epoch).first(conn).await?)
}
