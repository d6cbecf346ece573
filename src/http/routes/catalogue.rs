//! Routes of the catalogue as a whole: the import here, the export in `export`.

mod export;

use actix_web::{HttpResponse, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::write::change;
use crate::http::envelope::ChangedBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::json_body::ImportBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::http::response::json;
use crate::model::catalogue::{
    Catalogue, CatalogueDraft, DocumentFormat, ImportReport, ImportTally,
};
use crate::storage::catalogue::ImportWriter;
use crate::storage::{StorageError, Transaction, authority, catalogue};

/// Registers the routes of the catalogue as a whole.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import).service(export::export);
}

/// Import a catalogue
///
/// Creates items that do not exist and replaces items that differ; deletes nothing. If any item is
/// invalid, nothing is changed. With `dry_run=true` nothing is written and the response reports
/// what an import would do, with its errors.
#[utoipa::path(
    tag = "catalogue",
    operation_id = "import_catalogue",
    security(("bearer" = []), ("api_key" = [])),
    params(("dry_run" = Option<bool>, Query,
        description = "Report what the import would do, without doing it")),
    request_body(content((Catalogue = "application/json"), (Catalogue = "application/yaml"))),
    responses((status = 200, body = ChangedBody<ImportReport>))
)]
#[post("/api/v1/import")]
async fn import(
    editor: Editor<Everything>,
    QueryParameters(parameters): QueryParameters,
    origin: Origin,
    body: ImportBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let dry_run = parse_dry_run(&parameters)?;
    let format = document_format(&body.media_type)?;
    // Parsing would block this worker's other requests, so it runs on a thread of its own; the
    // permit admits one import at a time, until the end of this one.
    let ImportBody { bytes, place, .. } = body;
    let permit = place.acquire().await?;
    let (draft, _permit) = permit.run(move || CatalogueDraft::parse(&bytes, format)).await?;
    let draft = draft.map_err(ApiError::Validation)?;
    let (now, author, actor) = (
        services.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let tally = if dry_run {
        let work = async |conn: &mut Transaction<'_>| catalogue::import(conn, &draft, None).await;
        let tally = services.db.read_snapshot(Circuit::Metrics, "metrics.import_dry_run", work);
        let tally = tally.await?;
        // The snapshot cannot lock the caller's row, and would not see that it has changed.
        let confirm = async |conn: &mut Transaction<'_>| {
            authority::confirm(conn, &editor.authority(), services.clock.now()).await
        };
        services.db.transaction(Circuit::Auth, "users.confirm", confirm).await?;
        tally
    } else {
        let writer = Some(ImportWriter { author, now });
        let work = async |conn: &mut Transaction<'_>| {
            let tally = catalogue::import(conn, &draft, writer).await?;
            let violations = tally.violations();
            if !violations.is_empty() {
                return Err(StorageError::Invalid(violations));
            }
            catalogue::record_import(conn, &actor, &tally, now).await?;
            Ok(tally)
        };
        let authority = editor.authority();
        let tally = change(&services, Circuit::Metrics, "metrics.import", &authority, work).await?;
        count_created_metrics(&services, &draft, &tally);
        tally
    };
    let body: ChangedBody<ImportReport> =
        ChangedBody::new(tally.into_report(dry_run), draft.warnings);
    json(&mut HttpResponse::Ok(), &body)
}

fn count_created_metrics(
    services: &CatalogueServices,
    draft: &CatalogueDraft,
    tally: &ImportTally,
) {
    let created = tally.created_metrics().iter().filter_map(|index| draft.metrics.get(*index));
    for metric in created.filter_map(|item| item.parsed.as_ref().ok()) {
        services
            .instruments
            .catalogue
            .count_created_metric(metric.tier.as_ref(), metric.category.as_str());
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

fn parse_dry_run(parameters: &[(String, String)]) -> Result<bool, ApiError> {
    match parameters {
        [] => Ok(false),
        [(name, value)] if name == "dry_run" => {
            value.parse().map_err(|_| ApiError::invalid("dry_run", "must be true or false"))
        }
        _ => Err(ApiError::invalid("", "the only allowed parameter is dry_run, once")),
    }
}
