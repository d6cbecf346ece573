//! A metric as a document to copy.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};

use super::super::PageTable;
use super::super::page_table::Audience;
use super::loaded::LoadedMetric;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;

const PATH: &str = "/dashboard/metrics/{id}/source";

/// Adds the text to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &["format"], Audience::Callers, source)
}

/// The metric as a document to copy, as the API shows it.
async fn source(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let format = parameters.iter().find(|(name, _)| name == "format");
    let loaded = LoadedMetric::present(&services, &id).await?;
    let (text, extension) = match format.map(|(_, value)| value.as_str()) {
        None | Some("json") => (serde_json::to_string_pretty(&loaded.content).ok(), "json"),
        Some("yaml") => (serde_saphyr::to_string(&loaded.content).ok(), "yaml"),
        Some(_) => return Err(ApiError::invalid("format", "must be json or yaml")),
    };
    let text = text.ok_or_else(|| ApiError::Internal { cause: "a metric is no text".into() })?;
    let name = format!("inline; filename=\"{}.{extension}\"", id.as_str());
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, name))
        .body(text))
}
