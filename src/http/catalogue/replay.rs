//! Responses to earlier requests with the same `Idempotency-Key`, for changes that take long: a
//! repeated one need not wait for its turn, and learns that the first one is running. Other changes
//! find the response in their own transaction (`write`).

use std::time::Instant;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::model::catalogue_event::CatalogueEvent;
use crate::storage::authority::{self, Authority};
use crate::storage::idempotency_keys::{self, IdempotentRequest, StoredResponse};
use crate::storage::{Transaction, catalogue_epochs};

/// Returns the stored response to a request; none if it has to be done.
///
/// # Errors
/// [`ApiError::Conflict`] while the first request is running, [`ApiError::IdempotencyMismatch`] if
/// the key belongs to another request, and those of the transaction.
pub async fn find_response(
    services: &CatalogueServices,
    caller: &Authority,
    request: &IdempotentRequest,
) -> Result<Option<StoredResponse>, ApiError> {
    let (before, now) = (services.responses.epochs.current(), services.clock.now());
    let find = async |conn: &mut Transaction<'_>| {
        let Some(response) = idempotency_keys::find(conn, request, now).await? else {
            return Ok(None);
        };
        let epoch = catalogue_epochs::get(conn).await?;
        authority::confirm(conn, caller, now).await?;
        Ok(Some((response, epoch)))
    };
    let found = services.db.transaction(Circuit::Metrics, "idempotency_keys.find", find).await?;
    Ok(found.map(|(response, epoch)| {
        // This process may not have learned that the first request was committed.
        let change = CatalogueEvent::of_any_item(epoch);
        services.responses.epochs.apply_committed(epoch, &change, before, Instant::now());
        response
    }))
}
