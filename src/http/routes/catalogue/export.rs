//! The export of the catalogue as one document; see `http::catalogue::export`.

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::http::app_data::{AccessPolicy, CatalogueServices};
use crate::http::catalogue::export::{ExportQuery, respond};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Everything, Reader};
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::DocumentFormatName;
use crate::http::request::caller::Caller;
use crate::model::catalogue::Catalogue;
use crate::model::completeness::CompletenessFilter;
use crate::model::metrics::governance::MetricStatus;
use crate::model::metrics::{MetricType, Tier};

/// Export the catalogue
///
/// The whole catalogue as one document, as `POST /api/v1/import` accepts it: all domains and
/// metrics of one moment, without the fields that the server sets. With filters, which are those of
/// the list of metrics, the metrics that match all of them, and their domains; metrics that they
/// name may then be missing.
#[utoipa::path(
    tag = "catalogue",
    operation_id = "export_catalogue",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("format" = Option<DocumentFormatName>, Query,
            description = "Format of the document, default yaml"),
        ("category" = Option<String>, Query, description = "Category, exact match",
            min_length = 1, max_length = 2000),
        ("business_domain" = Option<String>, Query, description = "Name of the business domain",
            min_length = 1, max_length = 2000),
        ("tier" = Option<Tier>, Query, description = "Tier, exact match"),
        ("metric_type" = Option<MetricType>, Query, description = "Type, exact match"),
        ("tags" = Option<String>, Query,
            description = "Tags, separated by commas; all must match",
            min_length = 1, max_length = 2000, pattern = "^[^,]+(,[^,]+){0,19}$"),
        ("status" = Option<MetricStatus>, Query, description = "Status, exact match"),
        ("owner_team" = Option<String>, Query, description = "Owner team, exact match",
            min_length = 1, max_length = 2000),
        ("completeness" = Option<CompletenessFilter>, Query,
            description = "Whether anything is missing that active metrics need; only drafts \
                can lack something"),
        ("search" = Option<String>, Query,
            description = "Words or prefixes of words in name, description or formula; \
                all must match",
            min_length = 1, max_length = 2000),
    ),
    responses((status = 200, description = "The catalogue",
        content((Catalogue = "application/yaml"), (Catalogue = "application/json")),
        headers(("Content-Disposition" = String, description = "Name of a file for the document"))))
)]
#[get("/api/v1/export")]
pub(super) async fn export(
    _: Reader<Everything>,
    caller: Option<Caller>,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
    policy: web::Data<AccessPolicy>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    respond(&services, &policy, caller, &request, &ExportQuery::parse(parameters)?).await
}
