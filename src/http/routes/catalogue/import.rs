//! The import of a document: in one transaction, or as a dry run in a snapshot that writes nothing.
//! With an `Idempotency-Key` its response is stored in the same transaction. It is bounded: the
//! report of an import without errors has at most 512 KiB (`model::catalogue`), and there are at
//! most 100 warnings.

use actix_web::{HttpResponse, post, web};

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::replay::find_response;
use crate::http::catalogue::write::change_or_replay;
use crate::http::envelope::ChangedBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::ImportBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::response::{json, stored_change};
use crate::model::catalogue::{
    Catalogue, CatalogueDraft, DocumentFormat, ImportReport, ImportTally,
};
use crate::model::versions::{ChangeChannel, RevisionStamp};
use crate::storage::authority::Authority;
use crate::storage::idempotency_keys::StoredResponse;
use crate::storage::metrics::UnknownIds;
use crate::storage::{StorageError, Transaction, authority, catalogue};

const TARGET: (Circuit, &str) = (Circuit::Metrics, "metrics.import");

/// Import a catalogue
///
/// Creates items that do not exist and replaces items that differ; deletes nothing. If any item is
/// invalid, nothing is changed. With `dry_run=true` nothing is written and the response reports
/// what an import would do, with its errors; an `Idempotency-Key` then has no effect.
#[utoipa::path(
    tag = "catalogue",
    operation_id = "import_catalogue",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("dry_run" = Option<bool>, Query,
            description = "Report what the import would do, without doing it"),
        ("part" = Option<bool>, Query,
            description = "The document is a part of a larger one: ids of metrics that do not \
                exist are accepted, because another part may bring them"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$",
            example = "1f0e9a52-7c1b-4c6e-9d0a-3b5f8e2d4c61"),
    ),
    request_body(content((Catalogue = "application/json"), (Catalogue = "application/yaml"))),
    responses(
        (status = 200, body = ChangedBody<ImportReport>),
        (status = 409,
            description = "The first request with this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[post("/api/v1/import")]
pub(super) async fn import(
    editor: Editor<Everything>,
    QueryParameters(parameters): QueryParameters,
    idempotent: IdempotentChange,
    origin: Origin,
    body: ImportBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let ImportQuery { dry_run, unknown } = ImportQuery::parse(&parameters)?;
    let format = document_format(&body.media_type)?;
    let ImportBody { bytes, digest, place, .. } = body;
    let (authority, user) = (editor.authority(), &editor.caller.user);
    // A dry run changes nothing, so it may be repeated without a key. That is also all that the
    // query can say.
    let digest = digest.filter(|_| !dry_run);
    let content = digest.map(|digest| content_name(format, unknown, &digest));
    let request = content.and_then(|content| idempotent.request(user.user_id, &content));
    // Before the turn of this import: the first one may be running, or done.
    if let Some(request) = &request
        && let Some(response) = find_response(&services, &authority, request).await?
    {
        return Ok(stored_change(response));
    }
    // Parsing would block this worker's other requests, so it runs on a thread of its own; the
    // permit admits one import at a time, until the end of this one.
    let permit = place.acquire().await?;
    let (draft, _permit) = permit.run(move || CatalogueDraft::parse(&bytes, format)).await?;
    let draft = draft.map_err(ApiError::Validation)?;
    if dry_run {
        let tally = try_import(&services, &authority, &draft, unknown).await?;
        let body = ChangedBody::new(tally.into_report(true), draft.warnings);
        return json(&mut HttpResponse::Ok(), &body);
    }
    let (author, actor) = (user.username.as_str(), origin.actor(user));
    let work = async |conn: &mut Transaction<'_>, now| {
        let stamp = RevisionStamp { author, channel: ChangeChannel::Import, now };
        let tally = catalogue::import(conn, &draft, Some(stamp), unknown).await?;
        let violations = tally.violations();
        if !violations.is_empty() {
            return Err(StorageError::Invalid(violations));
        }
        catalogue::record_import(conn, &actor, &tally, now).await?;
        let created = tally.created_metrics().to_vec();
        Ok((stored_report(tally, &draft)?, created))
    };
    let imported = change_or_replay(&services, TARGET, &authority, request.as_ref(), work);
    let (response, created) = imported.await?;
    count_created_metrics(&services, &draft, &created.unwrap_or_default());
    Ok(stored_change(response))
}

/// Finds out what an import would do, in a snapshot.
async fn try_import(
    services: &CatalogueServices,
    caller: &Authority,
    draft: &CatalogueDraft,
    unknown: UnknownIds,
) -> Result<ImportTally, ApiError> {
    let work =
        async |conn: &mut Transaction<'_>| catalogue::import(conn, draft, None, unknown).await;
    let tally = services.db.read_snapshot(Circuit::Metrics, "metrics.import_dry_run", work);
    let tally = tally.await?;
    // The snapshot cannot lock the caller's row, and would not see that it has changed.
    let confirm = async |conn: &mut Transaction<'_>| {
        authority::confirm(conn, caller, services.clock.now()).await
    };
    services.db.transaction(Circuit::Auth, "users.confirm", confirm).await?;
    Ok(tally)
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

fn document_format(media_type: &str) -> Result<DocumentFormat, ApiError> {
    match media_type {
        "application/json" => Ok(DocumentFormat::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
            Ok(DocumentFormat::Yaml)
        }
        _ => Err(ApiError::UnsupportedMediaType(
            "The body must be application/json or application/yaml",
        )),
    }
}

/// Names a document where a request is identified: the same bytes may mean something else in
/// another format, or as a part.
fn content_name(format: DocumentFormat, unknown: UnknownIds, digest: &str) -> String {
    let part = if unknown == UnknownIds::Accepted { "part " } else { "" };
    format!("{part}{} {digest}", format_name(format))
}

fn format_name(format: DocumentFormat) -> &'static str {
    match format {
        DocumentFormat::Json => "json",
        DocumentFormat::Yaml => "yaml",
    }
}

/// The parameters of an import.
struct ImportQuery {
    dry_run: bool,
    unknown: UnknownIds,
}

impl ImportQuery {
    fn parse(parameters: &[(String, String)]) -> Result<Self, ApiError> {
        let value = |name: &'static str| {
            let mut named = parameters.iter().filter(|(other, _)| other == name);
            let value = named.next().map_or(Ok(false), |(_, value)| value.parse());
            value.map_err(|_| ApiError::invalid(name, "must be true or false"))
        };
        let known = |name: &str| ["dry_run", "part"].contains(&name);
        let repeated =
            |name: &str| parameters.iter().filter(|(other, _)| other == name).count() > 1;
        if parameters.iter().any(|(name, _)| !known(name) || repeated(name)) {
            let message = "the only allowed parameters are dry_run and part, each once";
            return Err(ApiError::invalid("", message));
        }
        let unknown = if value("part")? { UnknownIds::Accepted } else { UnknownIds::Refused };
        Ok(Self { dry_run: value("dry_run")?, unknown })
    }
}
