//! One version of a metric.

use actix_web::{HttpResponse, web};
use maud::html;

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::page_table::Audience;
use super::definition::whole;
use super::frame::{Tab, path_of, tabs};
use super::loaded::LoadedMetric;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::{IdPath, VersionPath};

const PATH: &str = "/dashboard/metrics/{id}/versions/{version}";

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[], Audience::Callers, show)
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    VersionPath(version): VersionPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let loaded = LoadedMetric::version(&services, &id, &version).await?;
    let body = html! {
        (tabs(&id, Tab::Versions))
        p.banner role="note" {
            "This is version " (version) ". "
            a href=(path_of(id.as_str())) { "Show the metric as it is now" }
        }
        (whole(&id, &loaded))
    };
    let title = format!("{} {version}", id.as_str());
    Ok(context.kept_page(&title, NavSection::Metrics, &body))
}
