//! The import of a document that is in memory: in one transaction, or as a dry run in a snapshot
//! that writes nothing. The API's route and the page for people call these.

use crate::actors::db_breaker::Circuit;
use crate::bulkhead::{BulkheadPermit, BulkheadPlace};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::write::change_or_replay;
use crate::http::envelope::ChangedBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::origin::Origin;
use crate::model::catalogue::{CatalogueDraft, DocumentFormat, ImportTally};
use crate::model::versions::{ChangeChannel, RevisionStamp};
use crate::storage::authority::Authority;
use crate::storage::idempotency_keys::{IdempotentRequest, StoredResponse};
use crate::storage::metrics::UnknownIds;
use crate::storage::{StorageError, Transaction, authority, catalogue, catalogue_epochs};

const TARGET: (Circuit, &str) = (Circuit::Metrics, "metrics.import");

/// A document that is imported.
#[derive(Debug)]
pub struct DraftImport<'a> {
    pub draft: &'a CatalogueDraft,
    pub unknown: UnknownIds,
    /// Refuses the import if the catalogue has another epoch by then, that is, has changed.
    pub epoch: Option<i64>,
}

/// What an import would do.
#[derive(Debug)]
pub struct TriedImport {
    pub tally: ImportTally,
    /// The epoch of the catalogue that the document was compared with.
    pub epoch: i64,
}

/// Parses a document. Parsing would block this worker's other requests, so it runs on a thread of
/// its own; the permit admits one import at a time, until it is dropped.
///
/// # Errors
/// [`ApiError::Validation`] for the document as a whole.
pub async fn parse_draft(
    place: BulkheadPlace,
    format: DocumentFormat,
    document: impl AsRef<[u8]> + Send + 'static,
) -> Result<(CatalogueDraft, BulkheadPermit), ApiError> {
    let permit = place.acquire().await?;
    let parse = move || CatalogueDraft::parse(document.as_ref(), format);
    let (draft, permit) = permit.run(parse).await?;
    Ok((draft.map_err(ApiError::Validation)?, permit))
}

/// Finds out what an import would do, in a snapshot.
///
/// # Errors
/// Those of the transactions.
pub async fn try_import(
    services: &CatalogueServices,
    caller: &Authority,
    draft: &CatalogueDraft,
    unknown: UnknownIds,
) -> Result<TriedImport, ApiError> {
    let work = async |conn: &mut Transaction<'_>| {
        let epoch = catalogue_epochs::get(conn).await?;
        let tally = catalogue::import(conn, draft, None, unknown).await?;
        Ok(TriedImport { tally, epoch })
    };
    let tried = services.db.read_snapshot(Circuit::Metrics, "metrics.import_dry_run", work);
    let tried = tried.await?;
    // The snapshot cannot lock the caller's row, and would not see that it has changed.
    let confirm = async |conn: &mut Transaction<'_>| {
        authority::confirm(conn, caller, services.clock.now()).await
    };
    services.db.transaction(Circuit::Auth, "users.confirm", confirm).await?;
    Ok(tried)
}

/// Imports a document.
///
/// # Errors
/// [`ApiError::Validation`] if any item is invalid, [`ApiError::PreconditionFailed`] for another
/// epoch, and those of the transaction; then nothing is changed.
pub async fn run_import(
    services: &CatalogueServices,
    editor: &Editor<Everything>,
    origin: &Origin,
    request: Option<&IdempotentRequest>,
    import: DraftImport<'_>,
) -> Result<StoredResponse, ApiError> {
    let DraftImport { draft, unknown, epoch } = import;
    let (author, actor) = (editor.caller.user.username.as_str(), origin.actor(&editor.caller.user));
    let work = async |conn: &mut Transaction<'_>, now| {
        if let Some(expected) = epoch {
            // The change has locked the epoch and not raised it yet.
            let present = catalogue_epochs::get(conn).await?;
            if present != expected {
                return Err(StorageError::Stale(present.to_string()));
            }
        }
        let stamp = RevisionStamp { author, channel: ChangeChannel::Import, now };
        let tally = catalogue::import(conn, draft, Some(stamp), unknown).await?;
        let violations = tally.violations();
        if !violations.is_empty() {
            return Err(StorageError::Invalid(violations));
        }
        catalogue::record_import(conn, &actor, &tally, now).await?;
        let created = tally.created_metrics().to_vec();
        Ok((stored_report(tally, draft)?, created))
    };
    let authority = editor.authority();
    let (response, created) = change_or_replay(services, TARGET, &authority, request, work).await?;
    count_created_metrics(services, draft, &created.unwrap_or_default());
    Ok(response)
}

/// Builds the response to an import, to be stored with it.
fn stored_report(
    tally: ImportTally,
    draft: &CatalogueDraft,
) -> Result<StoredResponse, StorageError> {
    let body = ChangedBody::new(tally.into_report(false), draft.warnings.clone());
    let body = serde_json::to_string(&body);
    let body = body.map_err(|_| StorageError::corrupt("the report of an import"))?;
    Ok(StoredResponse { etag: String::new(), body })
}

fn count_created_metrics(services: &CatalogueServices, draft: &CatalogueDraft, created: &[usize]) {
    let created = created.iter().filter_map(|index| draft.metrics.get(*index));
    for metric in created.filter_map(|item| item.parsed.as_ref().ok()) {
        let (tier, category) = metric.labels();
        services.instruments.catalogue.count_created_metric(tier, category);
    }
}
