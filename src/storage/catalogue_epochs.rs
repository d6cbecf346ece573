//! The catalogue epoch: a counter that every change of the catalogue raises, by trigger, in its own
//! transaction. Cached responses are fresh only under the epoch they were read under.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::catalogue_epochs::dsl;
use super::{StorageError, Transaction};

/// The `NOTIFY` channel on which new epochs are announced.
pub const CHANNEL: &str = "mdl_catalogue";

/// Locks the epoch until the transaction ends, and returns it. Every transaction that changes the
/// catalogue does this first (`DbBreakerHandle::change_catalogue`), so that two of them never
/// deadlock.
pub async fn lock(conn: &mut Transaction<'_>) -> Result<i64, StorageError> {
    Ok(dsl::catalogue_epochs.select(dsl::epoch).for_update().first(conn).await?)
}

/// Reads the present epoch.
pub async fn get(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(dsl::catalogue_epochs.select(dsl::epoch).first(conn).await?)
}
