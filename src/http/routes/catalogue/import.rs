//! The import of a document: in one transaction, or as a dry run in a snapshot that writes nothing.
//! With an `Idempotency-Key` its response is stored in the same transaction. It is bounded: the
//! report of an import without errors has at most 512 KiB (`model::catalogue`), and there are at
//! most 100 warnings.

use actix_web::{HttpResponse, post, web};

use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::import::{
    DraftImport, TriedImport, parse_draft, run_import, try_import,
};
use crate::http::catalogue::replay::find_response;
use crate::http::envelope::ChangedBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::ImportBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::response::{json, stored_change};
use crate::model::catalogue::{Catalogue, DocumentFormat, ImportReport};
use crate::storage::metrics::UnknownIds;

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
    let (draft, _permit) = parse_draft(place, format, bytes).await?;
    if dry_run {
        let TriedImport { tally, .. } = try_import(&services, &authority, &draft, unknown).await?;
        let body = ChangedBody::new(tally.into_report(true), draft.warnings);
        return json(&mut HttpResponse::Ok(), &body);
    }
    let import = DraftImport { draft: &draft, unknown, epoch: None };
    let response = run_import(&services, &editor, &origin, request.as_ref(), import).await?;
    Ok(stored_change(response))
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
