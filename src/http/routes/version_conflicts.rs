//! Answers to changes of items that have versions. One that is refused because another writer was
//! first says what that writer changed.

use actix_web::HttpResponse;
use actix_web::http::header::ContentEncoding;

use super::not_found::name_missing;
use super::versions::{VersionRead, VersionedNoun};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::response::stored_change;
use crate::model::text::Id;
use crate::storage::idempotency_keys::StoredResponse;
use crate::storage::precondition::Precondition;

/// Answers a change of an item under this condition.
///
/// # Errors
/// Those of the change.
pub(super) async fn answer_change(
    services: &CatalogueServices,
    of: &'static VersionedNoun,
    change: (&Id, &Precondition),
    changed: Result<StoredResponse, ApiError>,
) -> Result<HttpResponse, ApiError> {
    explain_refusal(services, of, change, changed).await.map(stored_change)
}

/// Completes the error of a change of an item under this condition: which item was not found, or
/// what another writer has changed.
///
/// # Errors
/// Those of the change.
pub(in crate::http) async fn explain_refusal(
    services: &CatalogueServices,
    of: &'static VersionedNoun,
    (id, precondition): (&Id, &Precondition),
    changed: Result<StoredResponse, ApiError>,
) -> Result<StoredResponse, ApiError> {
    let mut error = match changed {
        Ok(stored) => return Ok(stored),
        Err(error) => name_missing(of.noun, id.as_str())(error),
    };
    if let ApiError::PreconditionFailed(conflict) = &mut error
        && let Some(named) = precondition.named().first()
    {
        let encoding = AcceptedEncoding(ContentEncoding::Identity);
        let read = VersionRead { services, of, id, encoding };
        // Without it the client knows what it has to know: nothing was changed.
        conflict.diff = read.compare(named, &conflict.current).await.ok();
    }
    Err(error)
}
