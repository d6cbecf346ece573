//! Changes of the catalogue. Writers take turns (`DbBreakerHandle::change_catalogue`); the response
//! cache has the new epoch before the response is sent (read your writes).
//!
//! A change gets its time after the writer's turn has come, so that times run as the changes do.
//!
//! The caller's permissions are confirmed last, so that the user's row is locked only for a moment,
//! however long the change takes.

use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::request::caller::Caller;
use crate::model::versions::{ChangeChannel, RevisionStamp};
use crate::storage::authority::{self, Authority};
use crate::storage::idempotency_keys::{self, IdempotentRequest, StoredResponse};
use crate::storage::{StorageError, Transaction, catalogue_epochs};

/// The response to a change, and what else it returns.
type ChangeOutcome<T> = Result<(StoredResponse, T), StorageError>;

/// Returns the stamp of the revisions that a request of this caller makes.
pub fn api_stamp(caller: &Caller, now: DateTime<Utc>) -> RevisionStamp<'_> {
    RevisionStamp { author: caller.user.username.as_str(), channel: ChangeChannel::Api, now }
}

/// Returns the stamp of the revision by which this caller restores a version.
pub fn restore_stamp(caller: &Caller, now: DateTime<Utc>) -> RevisionStamp<'_> {
    RevisionStamp { channel: ChangeChannel::Restore, ..api_stamp(caller, now) }
}

/// Runs a change in a transaction, and passes the time of the change to `work`.
///
/// # Errors
/// Those of `work` and of the transaction.
pub async fn change<T>(
    services: &CatalogueServices,
    circuit: Circuit,
    operation: &'static str,
    caller: &Authority,
    work: impl AsyncFn(&mut Transaction<'_>, DateTime<Utc>) -> Result<T, StorageError>,
) -> Result<T, ApiError> {
    let before = services.responses.epochs.current();
    let changed = services.db.change_catalogue(circuit, operation, async |conn, locked| {
        let done = work(conn, locked.time_of_change(services.clock.now())).await?;
        let change = catalogue_epochs::get_change(conn).await?;
        authority::confirm(conn, caller, services.clock.now()).await?;
        Ok((done, locked.epoch, change))
    });
    let (done, locked, change) = changed.await?;
    services.responses.epochs.apply_committed(locked, &change, before, Instant::now());
    if let Some(replica) = &services.replica {
        replica.record_write(&services.db, circuit).await;
    }
    services.feed.announce_epoch(change.epoch);
    Ok(done)
}

/// Runs a change once for each idempotency key: a repeated request gets the response to the first
/// and changes nothing. Without a key the change is simply run.
///
/// # Errors
/// As [`change`]; [`ApiError::Conflict`] while the first request is running, and
/// [`ApiError::IdempotencyMismatch`] if the key belongs to another request.
pub async fn change_once(
    services: &CatalogueServices,
    target: (Circuit, &'static str),
    caller: &Authority,
    request: Option<&IdempotentRequest>,
    work: impl AsyncFn(&mut Transaction<'_>, DateTime<Utc>) -> Result<StoredResponse, StorageError>,
) -> Result<StoredResponse, ApiError> {
    let work = async |conn: &mut Transaction<'_>, now| Ok((work(conn, now).await?, ()));
    let (response, _) = change_or_replay(services, target, caller, request, work).await?;
    Ok(response)
}

/// As [`change_once`]; also returns what `work` returns beside the response, none if the response
/// is that to an earlier request.
///
/// # Errors
/// As [`change_once`].
pub async fn change_or_replay<T>(
    services: &CatalogueServices,
    (circuit, operation): (Circuit, &'static str),
    caller: &Authority,
    request: Option<&IdempotentRequest>,
    work: impl AsyncFn(&mut Transaction<'_>, DateTime<Utc>) -> ChangeOutcome<T>,
) -> Result<(StoredResponse, Option<T>), ApiError> {
    change(services, circuit, operation, caller, async |conn, now| {
        if let Some(request) = request
            && let Some(stored) = idempotency_keys::claim(conn, request, now).await?
        {
            return Ok((stored, None));
        }
        let (response, done) = work(conn, now).await?;
        if let Some(request) = request {
            idempotency_keys::store_response(conn, request, &response, now).await?;
        }
        Ok((response, Some(done)))
    })
    .await
}
