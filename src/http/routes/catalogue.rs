//! The catalogue as a whole.

use actix_web::{HttpResponse, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::catalogue::write::change;
use crate::http::envelope::Data;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::json_body::ImportBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::query::QueryParameters;
use crate::model::audit::Action;
use crate::model::catalogue::{
    Catalogue, Counts, Draft, Format, ImportReport, ItemReport, Outcome,
};
use crate::storage::{StorageError, audit_events, authority, catalogue};

/// All routes of the catalogue as a whole.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import);
}

/// Import a catalogue
///
/// What is new is created, what differs is replaced, nothing is deleted; all of it or, if anything
/// is wrong, nothing. With `dry_run=true` nothing is written and the answer says what would be,
/// errors included.
#[utoipa::path(
    tag = "catalogue",
    operation_id = "import_catalogue",
    security(("bearer" = []), ("api_key" = [])),
    params(("dry_run" = Option<bool>, Query, description = "Only say what would be done")),
    request_body(content((Catalogue = "application/json"), (Catalogue = "application/yaml"))),
    responses((status = 200, body = Data<ImportReport>))
)]
#[post("/api/v1/import")]
async fn import(
    editor: Editor<Everything>,
    QueryParameters(parameters): QueryParameters,
    origin: Origin,
    body: ImportBody,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let dry_run = dry_run(&parameters)?;
    let format = format(&body.media_type)?;
    // Reading takes its time, too much for this thread, which answers others; and one import at a
    // time is enough.
    let (draft, _turn) =
        state.imports.enter().await?.run(move || Draft::read(&body.bytes, format)).await?;
    let draft = draft.map_err(ApiError::Validation)?;
    let (now, author, actor) = (
        state.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let items = if dry_run {
        let work = async |conn: &mut _| {
            let items = catalogue::import(conn, &draft, author, now, |_| ()).await?;
            authority::confirm(conn, &editor.authority(), state.clock.now()).await?;
            Ok(items)
        };
        state.db.rehearse(Circuit::Metrics, "rehearse_import", work).await?
    } else {
        let work = async |conn: &mut _| {
            let items = catalogue::import(conn, &draft, author, now, |_| ()).await?;
            let violations = ItemReport::violations(&items);
            if !violations.is_empty() {
                return Err(StorageError::Invalid(violations));
            }
            let counts = Counts::of(&items);
            audit_events::record(
                conn,
                &actor,
                Action::CatalogueImported,
                "catalogue",
                &counts,
                now,
            )
            .await?;
            Ok(items)
        };
        let items = change(&state, Circuit::Metrics, "import", &editor.authority(), work).await?;
        count(&state, &draft, &items);
        items
    };
    json(&mut HttpResponse::Ok(), &Data::of(ImportReport::new(dry_run, items)))
}

/// The reports of metrics come after those of domains.
fn count(state: &AppState, draft: &Draft, items: &[ItemReport]) {
    for (report, item) in items.iter().skip(draft.domains.len()).zip(&draft.metrics) {
        if let (Outcome::Created, Ok(metric)) = (report.outcome, &item.parsed) {
            state
                .instruments
                .catalogue
                .metric_created(metric.tier.as_ref(), metric.category.as_str());
        }
    }
}

fn format(media_type: &str) -> Result<Format, ApiError> {
    match media_type {
        "application/json" => Ok(Format::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(Format::Yaml),
        _ => Err(ApiError::UnsupportedMediaType(
            "The body must be application/json or application/yaml",
        )),
    }
}

fn dry_run(parameters: &[(String, String)]) -> Result<bool, ApiError> {
    match parameters {
        [] => Ok(false),
        [(name, value)] if name == "dry_run" => {
            value.parse().map_err(|_| ApiError::invalid("dry_run", "must be true or false"))
        }
        _ => Err(ApiError::invalid("", "only dry_run is known here, once")),
    }
}
