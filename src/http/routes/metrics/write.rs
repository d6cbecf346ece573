//! Changes of metrics: create, update, delete. Each writes its audit event in its transaction.

use actix_web::{HttpResponse, delete, post, put, web};

use super::path::PATH;
use super::response::MetricResponse;
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::write::change;
use crate::http::envelope::{ChangedBody, MessageBody};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics, Remover};
use crate::http::extract::conditions::{IdempotencyKey, IfMatch};
use crate::http::extract::json_body::{ITEM, JsonBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::openapi::patches::MetricPatch;
use crate::http::response::{changed_item, created_item, etag, json, to_json};
use crate::http::routes::not_found::name_missing;
use crate::model::audit::{Action, Changes};
use crate::model::metrics::Metric;
use crate::model::text::Id;
use crate::storage::idempotency_keys::{self, IdempotentRequest, StoredResponse};
use crate::storage::{StorageError, audit_events, metrics};

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
        (status = 201, description = "Created", body = ChangedBody<Metric>,
            headers(("Location" = String, description = "Path of the metric"),
                ("ETag" = String, description = "Version of the metric, quoted"))),
        (status = 409,
            description = "The metric_id exists, or the first request with this Idempotency-Key \
                is still running"),
        (status = 422, description = "The Idempotency-Key was used with another body"),
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
    let now = services.clock.now();
    let idempotent_request = key.map(|key| IdempotentRequest {
        user_id: editor.caller.user.user_id,
        key,
        request_hash: fingerprint(&String::from_utf8_lossy(&body.bytes)),
    });
    let (metric, author, actor) =
        (&body.value, editor.caller.user.username.as_str(), origin.actor(&editor.caller.user));
    let authority = editor.authority();
    let created = change(&services, Circuit::Metrics, "metrics.create", &authority, async |conn| {
        if let Some(request) = &idempotent_request
            && let Some(stored) = idempotency_keys::claim(conn, request, now).await?
        {
            return Ok((stored, false));
        }
        let rows = metrics::create(conn, &[metric], author, now).await?;
        let row = rows.first().ok_or(StorageError::corrupt("a created metric"))?;
        let (id, changes) = (row.metric_id.as_str(), Changes::version(None, Some(&row.version)));
        audit_events::record_changes(conn, &actor, Action::MetricCreated, id, &changes, now)
            .await?;
        let body = to_json(&ChangedBody::new(MetricResponse::from(row), body.warnings.clone()))
            .map_err(|_| StorageError::corrupt("a created metric"))?;
        let response = StoredResponse { etag: etag(&row.version), body };
        if let Some(request) = &idempotent_request {
            idempotency_keys::store_response(conn, request, &response, now).await?;
        }
        Ok((response, true))
    });
    let (response, is_new) = created.await?;
    if is_new {
        services
            .instruments
            .catalogue
            .count_created_metric(metric.tier.as_ref(), metric.category.as_str());
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
    ),
    request_body = MetricPatch,
    responses((status = 200, body = ChangedBody<Metric>,
        headers(("ETag" = String, description = "Version of the metric, quoted"))))
)]
#[put("/api/v1/metrics/{id}")]
pub(super) async fn update(
    editor: Editor<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    PatchBody { patch, warnings }: PatchBody<Metric>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let id = id.as_str();
    if !patch.keeps_id(id) {
        return Err(ApiError::invalid("metric_id", "cannot be changed"));
    }
    let (now, author, actor) = (
        services.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let authority = editor.authority();
    let updated = change(&services, Circuit::Metrics, "metrics.update", &authority, async |conn| {
        let (row, changes) = metrics::update(conn, id, &precondition, &patch, author, now).await?;
        if let Some(changes) = changes {
            let action = Action::MetricUpdated;
            audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
        }
        Ok(row)
    });
    let row = updated.await.map_err(name_missing("Metric", id))?;
    changed_item(&MetricResponse::from(&row), &row.version, warnings)
}

/// Delete a metric
///
/// Its revisions are kept.
#[utoipa::path(
    tag = "metrics",
    operation_id = "delete_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be deleted"),
    ),
    responses((status = 200, body = MessageBody))
)]
#[delete("/api/v1/metrics/{id}")]
pub(super) async fn delete(
    remover: Remover<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let id = id.as_str();
    let (now, author, actor) = (
        services.clock.now(),
        remover.caller.user.username.as_str(),
        origin.actor(&remover.caller.user),
    );
    let authority = remover.authority();
    let deleted = change(&services, Circuit::Metrics, "metrics.delete", &authority, async |conn| {
        let version = metrics::delete(conn, id, &precondition, author, now).await?;
        let (action, changes) = (Action::MetricDeleted, Changes::version(Some(version), None));
        audit_events::record_changes(conn, &actor, action, id, &changes, now).await
    });
    deleted.await.map_err(name_missing("Metric", id))?;
    json(&mut HttpResponse::Ok(), &MessageBody::new("Metric deleted successfully"))
}
