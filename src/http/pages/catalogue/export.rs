//! The metrics of the list as a document to save, with their domains; all of the catalogue without
//! a filter. It is the API's export, for a browser with a session.

use actix_web::{HttpRequest, HttpResponse, web};

use super::super::PageTable;
use super::super::page_table::Audience;
use crate::http::app_data::{AccessPolicy, CatalogueServices};
use crate::http::catalogue::export::{ExportQuery, respond};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Everything, Reader};
use crate::http::extract::query::QueryParameters;
use crate::http::request::caller::Caller;

/// Path of the document.
pub(super) const PATH: &str = "/dashboard/export";
const PARAMETERS: &[&str] = &[
    "format",
    "search",
    "business_domain",
    "status",
    "tier",
    "metric_type",
    "owner_team",
    "completeness",
    "category",
    "tags",
];

/// Adds the document to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, PARAMETERS, Audience::Callers, export)
}

async fn export(
    _: Reader<Everything>,
    caller: Option<Caller>,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
    policy: web::Data<AccessPolicy>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    respond(&services, &policy, caller, &request, &ExportQuery::parse(parameters)?).await
}
