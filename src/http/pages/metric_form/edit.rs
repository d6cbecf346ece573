//! Changes a metric with its form. The form names the version that it was filled with; if another
//! one is present by then, nothing is overwritten: the reader merges by field (`conflict`).

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::metrics::{LoadedMetric, path_of, text_at};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::conflict::Conflict;
use super::render::FormView;
use super::seen::{SEEN, precondition, seen_version};
use super::texts::{MORE, compact, patch_of, texts_of};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::MetricChange;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics};
use crate::http::extract::form_body::{FormBody, FormFields};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::response::see_other;
use crate::model::metrics::Metric;
use crate::model::patch::Patch;
use crate::model::text::Id;
use crate::model::violations::Violation;

/// Size limit of a form in bytes: that of a metric, in the encoding of forms.
pub(super) const FORM: usize = 1024 * 1024;
const PATH: &str = "/dashboard/metrics/{id}/edit";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[], Audience::Callers, show).post(PATH, Audience::Callers, submit)
}

async fn show(
    _: Editor<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let loaded = LoadedMetric::present(&services, &id).await?;
    let form = FormFields::new(texts_of(&loaded.content));
    let view = FormView { form: &form, violations: &[] };
    let title = format!("Edit {}", text_at(&loaded.content, "name"));
    Ok(context.page(&title, NavSection::Metrics, &page(&id, &loaded.version, view)))
}

fn page(id: &Id, version: &str, view: FormView<'_>) -> Markup {
    let path = path_of(id.as_str());
    let save = html! {
        div.actions { button type="submit" { "Save" } a href=(path) { "Cancel" } }
    };
    html! {
        (view.summary())
        p.hint {
            "Saving makes a new version of " (version) ": a major one if formula, unit or \
             category change, a minor one for name, description, tier or domain, else a patch. A \
             draft may lack fields."
        }
        form.metric method="post" action=(format!("{path}/edit")) {
            input type="hidden" name=(SEEN) value=(version);
            // The first button of a form is the one that the return key presses.
            (save) (view.sections()) (save)
        }
    }
}

async fn submit(
    editor: Editor<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    origin: Origin,
    FormBody(sent): FormBody<FORM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let seen = seen_version(&sent)?.to_owned();
    let title = format!("Edit {}", id.as_str());
    let mut form = compact(&sent);
    if form.find(MORE).is_some() {
        let view = FormView { form: &form, violations: &[] };
        return Ok(context.page(&title, NavSection::Metrics, &page(&id, &seen, view)));
    }
    let present = LoadedMetric::present(&services, &id).await?;
    if let Some(conflict) = Conflict::find(&services, &id, &sent, &present).await? {
        match conflict.merge(&sent, &form) {
            Some(merged) if seen == present.version => form = merged,
            _ => return Ok(conflict.respond(&context, &form, &present.version)),
        }
    }
    let patch = match Patch::<Metric>::from_merge_patch(patch_of(&form, &present.content)) {
        Ok(patch) => patch,
        Err(violations) => return Ok(refuse(&context, &id, &title, &seen, &form, violations)),
    };
    let precondition = &precondition(&sent)?;
    let (services, origin) = (&services, &origin);
    let change = MetricChange { services, origin, id: &id, precondition, request: None };
    match change.update(&editor, &patch).await {
        Ok(_) => {
            let notice =
                if patch.warnings.shown.is_empty() { Notice::Saved } else { Notice::SavedCleaned };
            Ok(see_other(&notice.on(&path_of(id.as_str()))))
        }
        Err(ApiError::Validation(violations)) => {
            Ok(refuse(&context, &id, &title, &seen, &form, violations))
        }
        Err(ApiError::PreconditionFailed(error)) => {
            // Another writer came in between.
            let present = LoadedMetric::present(services, &id).await?;
            match Conflict::find(services, &id, &sent, &present).await? {
                Some(conflict) => Ok(conflict.respond(&context, &form, &present.version)),
                None => Err(ApiError::PreconditionFailed(error)),
            }
        }
        Err(error) => Err(error),
    }
}

fn refuse(
    context: &PageContext,
    id: &Id,
    title: &str,
    version: &str,
    form: &FormFields,
    violations: Vec<Violation>,
) -> HttpResponse {
    let body = page(id, version, FormView { form, violations: &violations });
    context.refused(ApiError::Validation(violations), title, NavSection::Metrics, &body)
}
