//! Versions of metrics: the list, one of them, what differs between two, and restoring one.

use actix_web::{HttpResponse, get, post, web};

use super::versioned::VERSIONED;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::MetricChange;
use crate::http::envelope::{ChangedMetricBody, DataBody, PageBody};
use crate::http::error::ApiError;
use crate::http::extract::accepted_diff::DiffFormat;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::caller::{Editor, Metrics, Reader};
use crate::http::extract::conditions::{IfMatch, IfNoneMatch};
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::{ITEM, JsonBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::{IdPath, VersionPath};
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::patches::JsonPatchOperation;
use crate::http::openapi::versions::MetricVersion;
use crate::http::response::stored_change;
use crate::http::routes::versions::VersionRead;
use crate::model::metrics::Metric;
use crate::model::text::Id;
use crate::model::versions::VersionEntry;
use crate::model::versions::diff::VersionDiff;
use crate::model::versions::query::{DiffQuery, MetricRestore};

/// List the versions of a metric, newest first
///
/// Versions of a deleted metric are kept; its deletion is an entry, too.
#[utoipa::path(
    tag = "metrics",
    operation_id = "metric_versions",
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
        (status = 200, body = PageBody<VersionEntry>,
            headers(("ETag" = String, description = "Entity tag of the response, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}/versions")]
pub(super) async fn list(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.list(&parameters, &if_none_match).await
}

/// Get a version of a metric
///
/// A version never changes: the response may be kept for ever. Not found is also a version whose
/// content was not kept (`content_kept` in the list of versions), with a message that says so.
#[utoipa::path(
    tag = "metrics",
    operation_id = "get_metric_version",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("version" = String, Path, description = "A version of the list of versions",
            example = "1.0.0", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the versions that the client has"),
    ),
    responses(
        (status = 200, body = DataBody<MetricVersion>,
            headers(("ETag" = String, description = "The version, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}/versions/{version}")]
pub(super) async fn get(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    VersionPath(version): VersionPath,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.get(&version, &if_none_match).await
}

/// Compare two versions of a metric
///
/// The fields that differ, with old and new value, and word by word in longer texts. With
/// `Accept: application/json-patch+json` a JSON Patch (RFC 6902) that turns the content of one
/// version into that of the other. Two equal versions are refused.
#[utoipa::path(
    tag = "metrics",
    operation_id = "diff_metric_versions",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("from" = String, Query, description = "The version that is compared",
            example = "1.0.0", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("to" = String, Query, description = "The version that it is compared with",
            example = "1.1.0", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the comparisons that the client has"),
    ),
    responses(
        (status = 200, content(
            (DataBody<VersionDiff> = "application/json"),
            (Vec<JsonPatchOperation> = "application/json-patch+json"),
        ), headers(("ETag" = String, description = "Both versions, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}/diff")]
pub(super) async fn diff(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    format: DiffFormat,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let query = DiffQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.diff(&query, format, &if_none_match).await
}

/// Restore a version of a metric
///
/// Its content becomes a new version. A deleted metric is created again; `If-Match` is then
/// refused, because there is no version to match. A metric that has the content already keeps its
/// version. The business domain of the version must exist.
#[utoipa::path(
    tag = "metrics",
    operation_id = "restore_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be replaced"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body = MetricRestore,
    responses(
        (status = 200, body = ChangedMetricBody<Metric>,
            headers(("ETag" = String, description = "Version of the metric, quoted"))),
        (status = 409, description = "The version is of a metric that was deleted, and another \
            one was created with its id, or the first request with this Idempotency-Key is still \
            running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[post("/api/v1/metrics/{id}/restore")]
pub(super) async fn restore(
    editor: Editor<Metrics>,
    IdPath(item): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    body: JsonBody<MetricRestore, ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let version = body.value.version.as_str();
    let digest = fingerprint(&String::from_utf8_lossy(&body.bytes));
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let (services, origin, precondition) = (&services, &origin, &precondition);
    let change = MetricChange { services, origin, id: &item, precondition, request };
    change.restore(&editor, (version, &body.warnings)).await.map(stored_change)
}
