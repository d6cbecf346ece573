//! What differs between two versions of a metric.

use actix_web::{HttpResponse, web};
use maud::html;

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::page_table::Audience;
use super::changes::changes;
use super::frame::{Tab, path_of, tabs};
use super::loaded::reader;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::model::versions::query::DiffQuery;

const PATH: &str = "/dashboard/metrics/{id}/compare";

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &["from", "to"], Audience::Callers, show)
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let DiffQuery { from, to } = DiffQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let diff = reader(&services, &id).compare(&from, &to).await?;
    let title = format!("{}: {from} and {to}", id.as_str());
    let path = path_of(id.as_str());
    let body = html! {
        (tabs(&id, Tab::Versions))
        p { a href=(format!("{path}/versions")) { "All versions" } " · "
            a href=(format!("{path}/compare?from={to}&to={from}")) { "Swap" } }
        (changes(&diff.changes, (&from, &to)))
    };
    Ok(context.kept_page(&title, NavSection::Metrics, &body))
}
