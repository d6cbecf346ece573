//! Changes of the catalogue. Each runs in a transaction that first locks the catalogue's epoch, so
//! that writers take turns; the response cache has the new epoch before the response is sent (read
//! your writes).
//!
//! The caller's permissions are confirmed last, so that the user's row is locked only for a moment,
//! however long the change takes.

use std::time::Instant;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::storage::authority::{self, Authority};
use crate::storage::{StorageError, Transaction, catalogue_epochs};

/// Runs a change in a transaction.
///
/// # Errors
/// Those of `work` and of the transaction.
pub async fn change<T>(
    services: &CatalogueServices,
    circuit: Circuit,
    operation: &'static str,
    caller: &Authority,
    work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
) -> Result<T, ApiError> {
    let before = services.responses.epoch();
    let changed = services.db.transaction(circuit, operation, async |conn| {
        let locked = catalogue_epochs::lock(conn).await?;
        let done = work(conn).await?;
        let epoch = catalogue_epochs::get(conn).await?;
        authority::confirm(conn, caller, services.clock.now()).await?;
        Ok((done, (locked, epoch)))
    });
    let (done, epochs) = changed.await?;
    services.responses.apply_committed_epoch(epochs, before, Instant::now());
    Ok(done)
}
