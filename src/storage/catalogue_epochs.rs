//! The catalogue epoch: a counter that every change of the catalogue raises, by trigger, in its own
//! transaction. Cached responses are fresh until a change of what they show.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::epoch_row::{EpochRow, transaction};
use super::schema::catalogue_epochs::dsl;
use super::{StorageError, Transaction};
use crate::model::catalogue_event::CatalogueEvent;

/// The `NOTIFY` channel on which new epochs are announced, after [`CHANGES_CHANNEL`].
pub const CHANNEL: &str = "mdl_catalogue";
/// The channel on which the trigger first announces the same epoch with what changed. It is another
/// one, because processes of older versions understand only numbers on the first.
pub const CHANGES_CHANNEL: &str = "mdl_catalogue_changes";

/// The catalogue as its next writer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct LockedCatalogue {
    pub epoch: i64,
    /// The time of the last change.
    pub changed_at: DateTime<Utc>,
}

impl LockedCatalogue {
    /// Returns the time of a change that is made `now`, which was read after the lock was taken.
    /// It is not before that of the last change, which another computer may have made, with a
    /// clock that is fast.
    pub fn time_of_change(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.max(self.changed_at)
    }
}

/// Locks the epoch until the transaction ends, and returns it. Every transaction that changes the
/// catalogue does this first (`DbBreakerHandle::change_catalogue`), so that two of them never
/// deadlock.
pub async fn lock(conn: &mut Transaction<'_>) -> Result<LockedCatalogue, StorageError> {
    let row = dsl::catalogue_epochs.select((dsl::epoch, dsl::changed_at));
    Ok(row.for_update().first(conn).await?)
}

/// Reads the present epoch.
pub async fn get(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(dsl::catalogue_epochs.select(dsl::epoch).first(conn).await?)
}

/// Reads the present epoch, and which transaction wrote it.
pub async fn get_row(conn: &mut AsyncPgConnection) -> Result<EpochRow, StorageError> {
    Ok(dsl::catalogue_epochs.select((dsl::epoch, transaction())).first(conn).await?)
}

/// Reads the present epoch and what this transaction has changed.
pub async fn get_change(conn: &mut Transaction<'_>) -> Result<CatalogueEvent, StorageError> {
    let changes = "current_setting('mdl.catalogue_changes', true)";
    let (epoch, changes): (i64, Option<String>) = dsl::catalogue_epochs
        .select((dsl::epoch, diesel::dsl::sql::<Nullable<Text>>(changes)))
        .first(conn)
        .await?;
    let change = changes.and_then(|changes| changes.parse::<CatalogueEvent>().ok());
    // A trigger of an older version does not say what changed.
    let change = change.filter(|change| change.epoch == epoch);
    Ok(change.unwrap_or_else(|| CatalogueEvent::of_any_item(epoch)))
}
