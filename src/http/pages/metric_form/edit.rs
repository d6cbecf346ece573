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
use super::domains::offered_domains;
use super::planned::{CHECK, Plan};
use super::render::FormView;
use super::seen::{SEEN, precondition, seen_version};
use super::texts::{MORE, compact, patch_of, texts_of};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::{MetricChange, PlannedUpdate, plan_update};
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
    let title = format!("Edit {}", text_at(&loaded.content, "name"));
    let plan = Plan::Unknown(Some(&loaded.completeness));
    let page = EditPage { context: &context, id: &id, version: &loaded.version, plan };
    let body = page.render(&services, &form, &[]).await;
    Ok(context.page(&title, NavSection::Metrics, &body))
}

/// The page with the form.
#[derive(Clone, Copy)]
struct EditPage<'a> {
    context: &'a PageContext,
    id: &'a Id,
    /// The version that the form was filled with.
    version: &'a str,
    plan: Plan<'a>,
}

impl EditPage<'_> {
    async fn render(
        &self,
        services: &CatalogueServices,
        form: &FormFields,
        violations: &[Violation],
    ) -> Markup {
        let Self { context, id, version, plan } = self;
        let domains = &offered_domains(services).await;
        let view = FormView { form, violations, domains };
        let path = path_of(id.as_str());
        let action = format!("{path}/edit");
        let save = html! {
            div.actions { button type="submit" { "Save" } a href=(path) { "Cancel" } }
        };
        html! {
            (view.summary())
            form.metric method="post" action=(action) {
                input type="hidden" name=(SEEN) value=(version);
                // The first button of a form is the one that the return key presses.
                (save)
                (plan.render(&context.nonce, &action, version))
                (view.sections())
                (save)
            }
        }
    }

    /// Answers with the form and its errors.
    async fn refuse(
        self,
        services: &CatalogueServices,
        form: &FormFields,
        violations: Vec<Violation>,
    ) -> HttpResponse {
        let plan = Plan::Refused(violations.len());
        let body = Self { plan, ..self }.render(services, form, &violations).await;
        let title = format!("Edit {}", self.id.as_str());
        let error = ApiError::Validation(violations);
        self.context.refused(error, &title, NavSection::Metrics, &body)
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
    let page = EditPage { context: &context, id: &id, version: &seen, plan: Plan::Unknown(None) };
    if form.find(MORE).is_some() {
        let body = page.render(&services, &form, &[]).await;
        return Ok(context.page(&title, NavSection::Metrics, &body));
    }
    let present = LoadedMetric::present(&services, &id).await?;
    if sent.find(CHECK).is_some() {
        let planned = plan(&services, &id, &form, &present).await;
        return match planned {
            Ok(planned) => {
                let page = EditPage { plan: Plan::Known(&planned), ..page };
                let body = page.render(&services, &form, &[]).await;
                Ok(context.page(&title, NavSection::Metrics, &body))
            }
            Err(ApiError::Validation(violations)) => {
                Ok(page.refuse(&services, &form, violations).await)
            }
            Err(error) => Err(error),
        };
    }
    if let Some(conflict) = Conflict::find(&services, &id, &sent, &present).await? {
        match conflict.merge(&sent, &form) {
            Some(merged) if seen == present.version => form = merged,
            _ => return Ok(conflict.respond(&context, &form, &present.version)),
        }
    }
    let patch = match Patch::<Metric>::from_merge_patch(patch_of(&form, &present.content)) {
        Ok(patch) => patch,
        Err(violations) => return Ok(page.refuse(&services, &form, violations).await),
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
        Err(ApiError::Validation(violations)) => Ok(page.refuse(services, &form, violations).await),
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

/// Finds out what saving the form would do.
async fn plan(
    services: &CatalogueServices,
    id: &Id,
    form: &FormFields,
    present: &LoadedMetric,
) -> Result<PlannedUpdate, ApiError> {
    let patch = Patch::<Metric>::from_merge_patch(patch_of(form, &present.content));
    plan_update(services, id, &patch.map_err(ApiError::Validation)?).await
}
