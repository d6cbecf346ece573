//! What depends on a metric: the metrics that derive from it, directly or over others.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::path::{NOUN, PATH};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::cache_key::CacheKey;
use crate::http::catalogue::cached_read;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::response::cached_list;
use crate::http::routes::not_found::name_missing;
use crate::model::metrics::relations::Dependent;
use crate::model::page::{PageRequest, Pagination};
use crate::model::text::Id;
use crate::storage::metric_edges::{self, Impact};

/// A page of the metrics that derive from one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImpactPage)]
pub(super) struct ImpactBody {
    /// Is always true.
    success: bool,
    /// The nearest first, then by id.
    data: Vec<Dependent>,
    /// Number of items on this page.
    count: usize,
    pagination: Pagination,
    /// Whether there may be more than `pagination.total`: only the nearest 10,000 are found.
    truncated: bool,
}

/// List what derives from a metric
///
/// All metrics that derive from it, directly or over others: those that name it in
/// `upstream_metric_ids`, or that it names in `downstream_metric_ids`, and so on.
#[utoipa::path(
    tag = "metrics",
    operation_id = "metric_impact",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 50",
            minimum = 1, maximum = 100),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the responses that the client has"),
    ),
    responses(
        (status = 200, body = ImpactBody,
            headers(("ETag" = String, description = "Entity tag of the response, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}/impact")]
pub(super) async fn impact(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 50).map_err(ApiError::Validation)?;
    let path = format!("{PATH}/{}/impact", id.as_str());
    // A change of any metric may change it.
    let key = CacheKey::of_list(&path, &parameters).for_readers_of::<Metrics>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let Impact { dependents, truncated } = services
            .read(Circuit::Metrics, "metric_edges.impact", async |conn| {
                metric_edges::find_dependents(conn, id.as_str()).await
            })
            .await
            .map_err(name_missing(NOUN, id.as_str()))?;
        let whole = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let pagination = request.paginate(i64::try_from(dependents.len()).unwrap_or(i64::MAX));
        let page = dependents.into_iter().skip(whole(request.offset()));
        let data: Vec<Dependent> = page.take(whole(request.limit)).collect();
        let body = ImpactBody { success: true, count: data.len(), data, pagination, truncated };
        cached_list(&path, &parameters, pagination, &body)
    })
    .await
}
