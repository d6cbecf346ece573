//! The import of a document: a form with the file, a preview of what it would do (the API's dry
//! run), and a button that does exactly that.
//!
//! The form of the preview has the whole document, its fingerprint, and the epoch of the catalogue
//! that it was compared with. If the text or the catalogue is another one by then, nothing is
//! imported, and the preview is shown again. So nothing is kept between the two requests: they may
//! meet different processes, and a preview that is not applied costs nothing.

mod document;
mod paths;
mod preview;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use self::document::{DOCUMENT, EPOCH, ImportDocument, SEEN};
use self::paths::APPLY;
pub(super) use self::paths::PATH;
use self::preview::{ImportPreview, shown_errors};
use super::PageTable;
use super::document::{NavSection, PageContext};
use super::elements::form_error;
use super::notice::Notice;
use super::page_table::Audience;
use crate::bulkhead::BulkheadPermit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::import::{
    DraftImport, TriedImport, parse_draft, run_import, try_import,
};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Everything};
use crate::http::extract::origin::Origin;
use crate::http::extract::upload::{MAX_DOCUMENT, UploadBody};
use crate::http::request::routes::DASHBOARD;
use crate::http::response::see_other;
use crate::model::catalogue::{CatalogueDraft, lines_of};
use crate::model::violations::Violation;
use crate::storage::metrics::UnknownIds;

const TITLE: &str = "Import";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let table = table.get(PATH, &[], Audience::Callers, show);
    table.post(PATH, Audience::Callers, preview).post(APPLY, Audience::Callers, apply)
}

async fn show(
    _: Editor<Everything>,
    context: PageContext,
    services: web::Data<CatalogueServices>,
) -> HttpResponse {
    context.page(TITLE, NavSection::Metrics, &form(max(&services), &[]))
}

/// Largest document in bytes.
fn max(services: &CatalogueServices) -> usize {
    MAX_DOCUMENT.min(services.import_max_bytes)
}

fn form(max: usize, violations: &[Violation]) -> Markup {
    html! {
        @if !violations.is_empty() {
            div.error-summary role="alert" tabindex="-1" {
                p { strong { "The document cannot be read:" } }
                ul {
                    @for one in violations {
                        li { @if !one.field.is_empty() { code { (one.field) } " " } (one.message) }
                    }
                }
            }
        }
        p { "A document has domains and metrics, as an export has them. An import creates what \
             does not exist and replaces what differs; it deletes nothing. Before anything is \
             written you see what would be done." }
        form.narrow method="post" action=(PATH) enctype="multipart/form-data" {
            div.field {
                label for="field-document" { "YAML or JSON file" }
                p.hint id="field-document-hint" { "Choose it or drop it here; at most "
                    (max / 1024) " KiB" }
                input id="field-document" type="file" name=(DOCUMENT) required
                    aria-describedby="field-document-hint"
                    accept=".yaml,.yml,.json,application/yaml,application/json";
            }
            div.actions { button type="submit" { "Preview" } a href=(DASHBOARD) { "Cancel" } }
        }
        p.hint { "Larger ones: " code { "mdl import" } " takes files of any length." }
    }
}

async fn preview(
    editor: Editor<Everything>,
    context: PageContext,
    upload: UploadBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let max = max(&services);
    let refuse = |violations: Vec<Violation>| {
        let body = form(max, &violations);
        context.refused(ApiError::Validation(violations), TITLE, NavSection::Metrics, &body)
    };
    let document = match ImportDocument::from_upload(&upload, max) {
        Err(ApiError::Validation(violations)) => return Ok(refuse(violations)),
        document => document?,
    };
    let parsed = parse_draft(upload.place, document.format, document.text.clone()).await;
    let (draft, permit) = match parsed {
        Err(ApiError::Validation(violations)) => return Ok(refuse(violations)),
        parsed => parsed?,
    };
    let body = tried(&services, &editor, &document, (&draft, permit)).await?;
    Ok(context.page(TITLE, NavSection::Metrics, &body))
}

/// Tries the import, and shows what it would do. To find the lines of errors would block this
/// worker's other requests, as parsing would, so it is done under the same permit.
async fn tried(
    services: &CatalogueServices,
    editor: &Editor<Everything>,
    document: &ImportDocument,
    (draft, permit): (&CatalogueDraft, BulkheadPermit),
) -> Result<Markup, ApiError> {
    let tried = try_import(services, &editor.authority(), draft, UnknownIds::Refused).await?;
    let TriedImport { tally, epoch } = tried;
    let (report, warnings) = (&tally.into_report(true), &draft.warnings);
    let paths: Vec<String> = shown_errors(report).map(|error| error.field.clone()).collect();
    let (lines, _permit) = if paths.is_empty() {
        (Vec::new(), permit)
    } else {
        let (text, format) = (document.text.clone(), document.format);
        permit.run(move || lines_of(&text, format, &paths)).await?
    };
    Ok(ImportPreview { document, report, warnings, lines: &lines, epoch }.render())
}

async fn apply(
    editor: Editor<Everything>,
    context: PageContext,
    origin: Origin,
    upload: UploadBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let document = ImportDocument::from_upload(&upload, max(&services))?;
    let is_seen = upload.text(SEEN) == document.fingerprint();
    let epoch = upload.text(EPOCH).parse::<i64>().ok().filter(|_| is_seen);
    let text = document.text.clone();
    let (draft, permit) = parse_draft(upload.place, document.format, text).await?;
    if epoch.is_some() {
        let import = DraftImport { draft: &draft, unknown: UnknownIds::Refused, epoch };
        match run_import(&services, &editor, &origin, None, import).await {
            Err(ApiError::PreconditionFailed(_) | ApiError::Validation(_)) => {}
            imported => {
                imported?;
                return Ok(see_other(&Notice::Imported.on(DASHBOARD)));
            }
        }
    }
    let why = if is_seen {
        "Nothing was imported: the catalogue has changed since the preview. This is what the \
         import would do now."
    } else {
        "Nothing was imported: the document is not the one of the preview. This is what it would \
         do."
    };
    let preview = tried(&services, &editor, &document, (&draft, permit)).await?;
    let body = html! {
        (form_error(why))
        (preview)
    };
    Ok(context.refused(ApiError::Conflict(why.to_owned()), TITLE, NavSection::Metrics, &body))
}
