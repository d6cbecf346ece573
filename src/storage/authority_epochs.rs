//! The epoch of authority: a counter that everything raises that ends or shrinks what somebody may
//! do.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;
use super::schema::authority_epochs::dsl;

/// The channel on which changes are announced.
pub const CHANNEL: &str = "mdl_authority";

/// The present epoch.
pub async fn current(conn: &mut AsyncPgConnection) -> Result<i64, StorageError> {
    Ok(dsl::authority_epochs.select(dsl::epoch).first(conn).await?)
}
