//! Changes a metric with its form. The form names the version that it was filled with; if another
//! one is present by then, nothing is overwritten: the reader merges by field (`conflict`).

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::metrics::{LoadedMetric, path_of, text_at};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::conflict::{BASE, Conflict};
use super::domains::offered_domains;
use super::planned::{CHECK, Plan, check_button, plan_form};
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
    let title = format!("Edit {}", text_at(&loaded.content, "name"));
    let version = loaded.version.as_str();
    let plan = Plan::Unknown { version, share: Some(&loaded.completeness) };
    let page = EditPage { context: &context, id: &id, version, plan };
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
                (plan.render())
                (check_button(&context.nonce, &action, "Which version?"))
                (view.sections())
                (save)
            }
        }
    }

    /// Answers with what saving the form would do.
    async fn check(
        self,
        services: &web::Data<CatalogueServices>,
        form: &FormFields,
        present: &LoadedMetric,
    ) -> Result<HttpResponse, ApiError> {
        match plan_form(services, self.id, form, present).await {
            Ok(planned) => {
                let page = EditPage { plan: Plan::Known(&planned), ..self };
                let body = page.render(services, form, &[]).await;
                let title = format!("Edit {}", self.id.as_str());
                Ok(self.context.page(&title, NavSection::Metrics, &body))
            }
            Err(ApiError::Validation(violations)) => {
                Ok(self.refuse(services, form, violations).await)
            }
            Err(error) => Err(error),
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
    let plan = Plan::Unknown { version: &seen, share: None };
    let page = EditPage { context: &context, id: &id, version: &seen, plan };
    if form.find(MORE).is_some() {
        let body = page.render(&services, &form, &[]).await;
        return Ok(context.page(&title, NavSection::Metrics, &body));
    }
    let present = LoadedMetric::present(&services, &id).await?;
    let is_check = sent.find(CHECK).is_some();
    if is_check && sent.find(BASE).is_none() {
        return page.check(&services, &form, &present).await;
    }
    match Conflict::find(&services, &id, &sent, &present).await? {
        Some(conflict) => match conflict.merge(&sent, &form) {
            Some(merged) if seen == present.version && !is_check => form = merged,
            _ => return conflict.respond(&context, &services, &form, (&present, is_check)).await,
        },
        None if is_check => return page.check(&services, &form, &present).await,
        None => {}
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
                Some(conflict) => {
                    conflict.respond(&context, services, &form, (&present, false)).await
                }
                None => Err(ApiError::PreconditionFailed(error)),
            }
        }
        Err(error) => Err(error),
    }
}
