//! Changes of the catalogue: in a transaction that takes the writers' turn, and after which this process has forgotten
//! what it remembered before it answers (read your writes).

use std::time::Instant;

use diesel_async::AsyncPgConnection;

use super::AppState;
use super::error::ApiError;
use crate::actors::db_breaker::Circuit;
use crate::storage::{StorageError, catalogue_epochs};

/// Makes a change.
///
/// # Errors
/// Those of `work`, and of the way to the database.
pub async fn change<T>(
    state: &AppState,
    circuit: Circuit,
    operation: &'static str,
    work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
) -> Result<T, ApiError> {
    let changed = state.db.transaction(circuit, operation, async |conn| {
        catalogue_epochs::lock(conn).await?;
        let done = work(conn).await?;
        Ok((done, catalogue_epochs::current(conn).await?))
    });
    let (done, epoch) = changed.await?;
    state.answers.hear(epoch, Instant::now());
    Ok(done)
}
