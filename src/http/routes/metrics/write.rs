//! Changes of metrics: create, update, delete. Each writes its audit event in its transaction.

use actix_web::{HttpResponse, delete, patch, post, put, web};

use super::path::PATH;
use super::response::changed_metric;
use super::versions::VERSIONED;
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::write::{api_stamp, change_once, change_or_replay};
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
use crate::http::response::{created_item, deleted_item};
use crate::http::routes::version_conflicts::answer_change;
use crate::model::audit::{Action, Changes};
use crate::model::metrics::Metric;
use crate::model::text::Id;
use crate::storage::idempotency_keys::IdempotentRequest;
use crate::storage::metrics::DeletePolicy;
use crate::storage::precondition::Precondition;
use crate::storage::{audit_events, metrics};

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
    let (metric, actor) = (&body.value, origin.actor(&editor.caller.user));
    let authority = editor.authority();
    let target = (Circuit::Metrics, "metrics.create");
    let created =
        change_or_replay(&services, target, &authority, request.as_ref(), async |conn, now| {
            let row = metrics::create(conn, metric, api_stamp(&editor.caller, now)).await?;
            let (id, changes) =
                (row.metric_id.as_str(), Changes::version(None, Some(&row.version)));
            audit_events::record_changes(conn, &actor, Action::MetricCreated, id, &changes, now)
                .await?;
            Ok((changed_metric(&row, &body.warnings)?, ()))
        });
    let (response, created) = created.await?;
    if created.is_some() {
        let (tier, category) = metric.labels();
        services.instruments.catalogue.count_created_metric(tier, category);
    }
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
    let id = item.as_str();
    if !patch.keeps_id(id) {
        return Err(ApiError::invalid("metric_id", "cannot be changed"));
    }
    let actor = origin.actor(&editor.caller.user);
    let authority = editor.authority();
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let target = (Circuit::Metrics, "metrics.update");
    let updated =
        change_once(&services, target, &authority, request.as_ref(), async |conn, now| {
            let stamp = api_stamp(&editor.caller, now);
            let (row, changes) = metrics::update(conn, id, &precondition, &patch, stamp).await?;
            if let Some(changes) = changes {
                let action = Action::MetricUpdated;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            changed_metric(&row, &patch.warnings)
        });
    let change = (item, &precondition);
    answer_change(&services, &VERSIONED, change, updated.await).await
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
    let (id, policy) = (item.as_str(), parse_policy(&parameters)?);
    let actor = origin.actor(&remover.caller.user);
    let authority = remover.authority();
    let request = idempotent.request(remover.caller.user.user_id, content_of(policy));
    let target = (Circuit::Metrics, "metrics.delete");
    let deleted =
        change_once(&services, target, &authority, request.as_ref(), async |conn, now| {
            let stamp = api_stamp(&remover.caller, now);
            let version = metrics::delete(conn, id, &precondition, policy, stamp).await?;
            let (action, changes) = (Action::MetricDeleted, Changes::version(Some(version), None));
            let details = (&details_of(policy), &changes);
            audit_events::record_detailed(conn, &actor, action, id, details, now).await?;
            deleted_item("Metric deleted successfully")
        });
    let change = (&item, &precondition);
    answer_change(&services, &VERSIONED, change, deleted.await).await
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

/// Returns the details of a deletion for the audit log.
fn details_of(policy: DeletePolicy) -> serde_json::Value {
    match policy {
        DeletePolicy::Unused => serde_json::json!({}),
        DeletePolicy::Force => serde_json::json!({"force": true}),
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
