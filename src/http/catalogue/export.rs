//! The export of the catalogue, or of the metrics that match a filter. It is first read into a
//! spool, in one transaction, and then sent from there by `sending`: a client that reads slowly
//! holds neither a connection of the pool nor a snapshot of the database, and an error still has
//! its status code. One export is read at a time, which bounds what exports take from the database.
//! The API's route and the page for people call [`respond`].

mod sending;

use std::io::{Seek, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::future::join;
use tempfile::SpooledTempFile;
use tokio::sync::mpsc;

use self::sending::pieces;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::{AccessPolicy, CatalogueServices};
use crate::http::client_places::PlaceHolder;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Area, Everything};
use crate::http::media_type::JSON;
use crate::http::request::caller::Caller;
use crate::http::request::context::RequestContext;
use crate::http::request::method::HeadRequest;
use crate::model::catalogue::DocumentFormat;
use crate::model::metrics::query::MetricFilter;
use crate::model::users::Role;
use crate::storage::catalogue::{
    ExportBatch, ExportDocument, ExportError, ExportPosition, Exported,
};
use crate::storage::{Transaction, authority, catalogue};
use crate::telemetry::error_chain;

/// Size in bytes of the spool in memory; a longer one is a temporary file.
const SPOOL_IN_MEMORY: usize = 1024 * 1024;
/// Longest time for reading the catalogue.
const LIMIT: Duration = Duration::from_mins(10);
/// The same where reading holds the only connection.
const LIMIT_ON_ONE_CONNECTION: Duration = Duration::from_secs(30);
/// The parameter with the format.
const FORMAT: &str = "format";

/// What is exported, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportQuery {
    pub format: DocumentFormat,
    /// Which metrics; their domains come with them. All domains without a filter.
    pub filter: MetricFilter,
}

impl ExportQuery {
    /// Parses decoded query parameters.
    ///
    /// # Errors
    /// [`ApiError::Validation`] for parameters that are unknown, repeated or invalid.
    pub fn parse(mut parameters: Vec<(String, String)>) -> Result<Self, ApiError> {
        let is_format = |(name, _): &(String, String)| name == FORMAT;
        let known = |(name, _): &(String, String)| {
            name == FORMAT || MetricFilter::PARAMETERS.contains(&name.as_str())
        };
        if !parameters.iter().all(known)
            || parameters.iter().filter(|one| is_format(one)).count() > 1
        {
            let message = "the only allowed parameters are format and the filters, each once";
            return Err(ApiError::invalid("", message));
        }
        let format = match parameters.iter().find(|one| is_format(one)) {
            None => DocumentFormat::Yaml,
            Some((_, value)) => match value.as_str() {
                "yaml" => DocumentFormat::Yaml,
                "json" => DocumentFormat::Json,
                _ => return Err(ApiError::invalid(FORMAT, "must be one of yaml, json")),
            },
        };
        parameters.retain(|one| !is_format(one));
        let filter = MetricFilter::parse(&parameters).map_err(ApiError::Validation)?;
        Ok(Self { format, filter })
    }
}

/// Answers with a document.
///
/// # Errors
/// [`ApiError::Overloaded`] if too many exports are sent, and those of the database.
pub async fn respond(
    services: &CatalogueServices,
    policy: &AccessPolicy,
    caller: Option<Caller>,
    request: &HttpRequest,
    query: &ExportQuery,
) -> Result<HttpResponse, ApiError> {
    let (media_type, disposition) = match query.format {
        DocumentFormat::Json => (JSON, "attachment; filename=\"catalogue.json\""),
        DocumentFormat::Yaml => ("application/yaml", "attachment; filename=\"catalogue.yaml\""),
    };
    let mut response = HttpResponse::Ok();
    response.content_type(media_type).insert_header((CONTENT_DISPOSITION, disposition));
    if request.extensions().contains::<HeadRequest>() {
        // The length is not known without reading the catalogue, and is optional.
        return Ok(response.streaming(futures_util::stream::empty::<std::io::Result<_>>()));
    }
    // Held until the document is sent, so that the number of spools is bounded.
    let place = services.exports.acquire(client(request, caller.as_ref())).await?;
    let (spool, length) = read_catalogue(services, query).await?;
    if let Some(caller) = caller {
        // Exports queue, and the caller may have lost its authority meanwhile.
        let needed = if policy.anonymous_read { &[][..] } else { Everything::READ };
        let authority = caller.authority(Role::Viewer, needed);
        let confirm = async |conn: &mut Transaction<'_>| {
            authority::confirm(conn, &authority, services.clock.now()).await
        };
        services.db.transaction(Circuit::Auth, "users.confirm", confirm).await?;
    }
    Ok(response.body(SizedStream::new(length, pieces(spool, place))))
}

fn client(request: &HttpRequest, caller: Option<&Caller>) -> PlaceHolder {
    let address = RequestContext::client_prefix(request);
    caller.map_or(PlaceHolder::Anonymous(address), |caller| PlaceHolder::User(caller.user.user_id))
}

/// Reads the catalogue into a spool, one export at a time. Returns it with its length in bytes.
async fn read_catalogue(
    services: &CatalogueServices,
    query: &ExportQuery,
) -> Result<(SpooledTempFile, u64), ApiError> {
    let permit = services.export_reads.acquire().await?;
    let (sender, batches) = mpsc::channel(2);
    let db = &services.db;
    let limit = if db.has_one_connection() { LIMIT_ON_ONE_CONNECTION } else { LIMIT };
    let reading = async move {
        let send = async |batch| match sender.send(batch).await {
            Ok(()) => ControlFlow::Continue(()),
            // Writing has failed; its error is the result.
            Err(_) => ControlFlow::Break(()),
        };
        let circuit = Circuit::Metrics;
        let next = async |conn: &mut Transaction<'_>, position: &mut ExportPosition| {
            catalogue::next_batch(conn, &query.filter, position).await
        };
        db.read_batches(circuit, "metrics.export", limit, next, send).await
    };
    // Serialising would block this worker's other requests.
    let format = query.format;
    let writing = permit.run(move || write_spool(batches, format));
    let (read, written) = join(reading, writing).await;
    let (spool, _permit) = written?;
    read?;
    spool
        .and_then(|spool| spool.ok_or_else(|| std::io::Error::other("no end").into()))
        .map_err(|error| ApiError::Internal { cause: error_chain(&error) })
}

/// Returns the spool and its length; none if the catalogue was not read to its end.
fn write_spool(
    mut batches: mpsc::Receiver<ExportBatch>,
    format: DocumentFormat,
) -> Result<Option<(SpooledTempFile, u64)>, ExportError> {
    let spool = SpooledTempFile::new(SPOOL_IN_MEMORY);
    let exported = ExportDocument::write(spool, format, || batches.blocking_recv(), |_| {})?;
    let Exported::Complete(mut spool) = exported else { return Ok(None) };
    spool.flush()?;
    let length = spool.stream_position()?;
    spool.rewind()?;
    Ok(Some((spool, length)))
}
