//! Changes of the catalogue: in a transaction that takes the writers' turn, and after which this
//! process has forgotten what it remembered before it answers (read your writes).
//!
//! The caller's authority is confirmed last, so that its row is locked only for a moment, however
//! long the change takes.

use std::time::Instant;

use diesel_async::AsyncPgConnection;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::storage::authority::{self, Authority};
use crate::storage::{StorageError, catalogue_epochs};

/// Makes a change.
///
/// # Errors
/// Those of `work`, and of the way to the database.
pub async fn change<T>(
    state: &AppState,
    circuit: Circuit,
    operation: &'static str,
    caller: &Authority,
    work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
) -> Result<T, ApiError> {
    let changed = state.db.transaction(circuit, operation, async |conn| {
        catalogue_epochs::lock(conn).await?;
        let done = work(conn).await?;
        let epoch = catalogue_epochs::current(conn).await?;
        authority::confirm(conn, caller, state.clock.now()).await?;
        Ok((done, epoch))
    });
    let (done, epoch) = changed.await?;
    state.answers.hear(epoch, Instant::now());
    Ok(done)
}
