//! The authority epoch: a counter that every change raises that ends or narrows what a caller may
//! do. Triggers raise and announce it; caches compare it with the epoch they were filled under.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;
use super::epoch_row::{EpochRow, transaction};
use super::schema::authority_epochs::dsl;

/// The `NOTIFY` channel on which invalidation events are announced.
pub const CHANNEL: &str = "mdl_authority";

/// Reads the present epoch.
pub async fn get(conn: &mut AsyncPgConnection) -> Result<EpochRow, StorageError> {
    Ok(dsl::authority_epochs.select((dsl::epoch, transaction())).first(conn).await?)
}
