//! Deletes a metric, after showing what depends on it.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::elements::form_error;
use super::super::metrics::{LoadedMetric, path_of, text_at};
use super::super::notice::Notice;
use super::super::page_table::Audience;
use super::dependents::{dependents, impact};
use super::seen::{SEEN, precondition};
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::MetricChange;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Remover};
use crate::http::extract::form_body::FormBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::request::routes::DASHBOARD;
use crate::http::response::see_other;
use crate::model::text::Id;
use crate::storage::metric_edges::Impact;
use crate::storage::metrics::DeletePolicy;

const PATH: &str = "/dashboard/metrics/{id}/delete";
/// The field that confirms a deletion although other metrics depend on this one.
const FORCE: &str = "force";
const IN_USE: &str = "Nothing was deleted, because other metrics derive from this one. Take its \
    id out of them first, or tick the box below to delete it all the same.";

/// Adds the pages to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[], Audience::Callers, show).post(PATH, Audience::Callers, submit)
}

async fn show(
    _: Remover<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let loaded = LoadedMetric::present(&services, &id).await?;
    let impact = impact(&services, &id).await?;
    let body = deletion(&id, &loaded.version, &impact);
    Ok(context.page(&title_of(&loaded), NavSection::Metrics, &body))
}

fn title_of(loaded: &LoadedMetric) -> String {
    format!("Delete {}", text_at(&loaded.content, "name"))
}

fn deletion(id: &Id, version: &str, impact: &Impact) -> Markup {
    let path = path_of(id.as_str());
    html! {
        p { "Its versions are kept, and any of them can be restored. People who may still look it \
             up are helped more if it is " a href=(format!("{path}/deprecate")) { "deprecated" }
            "." }
        (dependents(impact))
        form method="post" action=(format!("{path}/delete")) {
            input type="hidden" name=(SEEN) value=(version);
            @if !impact.dependents.is_empty() {
                p { label {
                    input type="checkbox" name=(FORCE) value="yes" required;
                    " Delete it all the same; the metrics above keep its id, which is then unknown"
                } }
            }
            div.actions { button.danger type="submit" { "Delete" } a href=(path) { "Cancel" } }
        }
    }
}

async fn submit(
    remover: Remover<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    origin: Origin,
    FormBody(form): FormBody,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let precondition = &precondition(&form)?;
    let policy = if form.text(FORCE) == "yes" { DeletePolicy::Force } else { DeletePolicy::Unused };
    let (services, origin) = (&services, &origin);
    let change = MetricChange { services, origin, id: &id, precondition, request: None };
    match change.delete(&remover, policy).await {
        // A metric derives from it since the page was made, or the box is not ticked.
        Err(ApiError::Conflict(_)) => {
            let loaded = LoadedMetric::present(services, &id).await?;
            let impact = impact(services, &id).await?;
            let body = html! { (form_error(IN_USE)) (deletion(&id, &loaded.version, &impact)) };
            let error = ApiError::Conflict(IN_USE.to_owned());
            Ok(context.refused(error, &title_of(&loaded), NavSection::Metrics, &body))
        }
        deleted => {
            deleted?;
            Ok(see_other(&Notice::Deleted.on(DASHBOARD)))
        }
    }
}
