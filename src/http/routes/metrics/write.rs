//! Changes of metrics: create, update, delete. Each writes its audit event in its transaction.

use actix_web::{HttpResponse, delete, patch, post, put, web};

use super::path::PATH;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::metric_changes::{MetricChange, create_metric};
use crate::http::envelope::{ChangedMetricBody, MessageBody};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics, Remover};
use crate::http::extract::conditions::{IdempotencyKey, IfMatch};
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::{ITEM, JsonBody, MergePatchBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::patches::MetricPatch;
use crate::http::response::{created_item, stored_change};
use crate::model::metrics::Metric;
use crate::model::text::Id;
use crate::storage::idempotency_keys::IdempotentRequest;
use crate::storage::metrics::DeletePolicy;
use crate::storage::precondition::Precondition;

/// Create a metric
///
/// With an `Idempotency-Key`, a repeated request within 24 hours gets the same response and creates
/// nothing.
#[utoipa::path(
    tag = "metrics",
    operation_id = "create_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 printable ASCII characters", pattern = "^[ -~]{1,255}$")),
    request_body = Metric,
    responses(
        (status = 201, description = "Created", body = ChangedMetricBody<Metric>,
            headers(("Location" = String, description = "Path of the metric"),
                ("ETag" = String, description = "Version of the metric, quoted"))),
        (status = 409,
            description = "The metric_id exists, or the first request with this Idempotency-Key \
                is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[post("/api/v1/metrics")]
pub(super) async fn create(
    editor: Editor<Metrics>,
    IdempotencyKey(key): IdempotencyKey,
    origin: Origin,
    body: JsonBody<Metric, ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    // The body alone identifies it, as in former versions, whose keys may be repeated.
    let request = key.map(|key| IdempotentRequest {
        user_id: editor.caller.user.user_id,
        key,
        request_hash: fingerprint(&String::from_utf8_lossy(&body.bytes)),
    });
    let metric = &body.value;
    let created = create_metric(&services, &editor, &origin, request, (metric, &body.warnings));
    let response = created.await?;
    let path = format!("{PATH}/{}", metric.metric_id.as_str());
    Ok(created_item(&path, &response.etag, response.body))
}

/// Update a metric
///
/// Absent top-level fields stay as they are. A request that changes nothing keeps the version.
#[utoipa::path(
    tag = "metrics",
    operation_id = "update_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be changed"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body = MetricPatch,
    responses(
        (status = 200, body = ChangedMetricBody<Metric>,
            headers(("ETag" = String, description = "Version of the metric, quoted"))),
        (status = 409,
            description = "The first request with this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[put("/api/v1/metrics/{id}")]
pub(super) async fn update(
    editor: Editor<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    body: PatchBody<Metric>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    apply(editor, &id, (precondition, idempotent), origin, body, services).await
}

/// Change parts of a metric
///
/// A merge patch (RFC 7396): at any depth, absent members stay as they are, null removes an
/// optional one, and a list is replaced as a whole. Otherwise as PUT.
#[utoipa::path(
    tag = "metrics",
    operation_id = "patch_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be changed"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body(content = MetricPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = ChangedMetricBody<Metric>,
            headers(("ETag" = String, description = "Version of the metric, quoted"))),
        (status = 409,
            description = "The first request with this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[patch("/api/v1/metrics/{id}")]
pub(super) async fn merge(
    editor: Editor<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    MergePatchBody(body): MergePatchBody<Metric>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    apply(editor, &id, (precondition, idempotent), origin, body, services).await
}

/// Applies the patch of either method.
async fn apply(
    editor: Editor<Metrics>,
    item: &Id,
    (precondition, idempotent): (Precondition, IdempotentChange),
    origin: Origin,
    PatchBody { patch, digest }: PatchBody<Metric>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let (services, origin, precondition) = (&services, &origin, &precondition);
    let change = MetricChange { services, origin, id: item, precondition, request };
    change.update(&editor, &patch).await.map(stored_change)
}

/// Delete a metric
///
/// Its revisions are kept. A metric from which others derive is deleted only with `force`; they
/// keep its id, which is then unknown.
#[utoipa::path(
    tag = "metrics",
    operation_id = "delete_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be deleted"),
        ("force" = Option<bool>, Query,
            description = "Whether to delete it even if others derive from it, default false"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    responses(
        (status = 200, body = MessageBody),
        (status = 409, description = "Other metrics derive from it: the message has their ids, of \
            many the first 20; or the first request with this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[delete("/api/v1/metrics/{id}")]
pub(super) async fn delete(
    remover: Remover<Metrics>,
    IdPath(item): IdPath,
    QueryParameters(parameters): QueryParameters,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let policy = parse_policy(&parameters)?;
    let request = idempotent.request(remover.caller.user.user_id, content_of(policy));
    let (services, origin, precondition) = (&services, &origin, &precondition);
    let change = MetricChange { services, origin, id: &item, precondition, request };
    change.delete(&remover, policy).await.map(stored_change)
}

/// Parses the parameters of a deletion.
fn parse_policy(parameters: &[(String, String)]) -> Result<DeletePolicy, ApiError> {
    match parameters {
        [] => Ok(DeletePolicy::Unused),
        [(name, value)] if name == "force" => match value.as_str() {
            "true" => Ok(DeletePolicy::Force),
            "false" => Ok(DeletePolicy::Unused),
            _ => Err(ApiError::invalid("force", "must be true or false")),
        },
        _ => Err(ApiError::invalid("", "the only allowed parameter is force, once")),
    }
}

/// Returns by which content an idempotency key knows a deletion. Without force it is empty, as
/// before there was force.
fn content_of(policy: DeletePolicy) -> &'static str {
    match policy {
        DeletePolicy::Unused => "",
        DeletePolicy::Force => "force",
    }
}
