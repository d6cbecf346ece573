//! Metrics.

use actix_web::{HttpResponse, delete, get, post, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::AppState;
use crate::http::answer::{created, etag, json, one, page, text, versioned};
use crate::http::catalogue::cached_read::{self, question};
use crate::http::catalogue::write::change;
use crate::http::envelope::{Data, Message, Page};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Editor, Metrics, Reader, Remover};
use crate::http::extract::conditions::{IdempotencyKey, IfMatch, IfNoneMatch};
use crate::http::extract::json_body::{ITEM, JsonBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::MetricPatch;
use crate::model::audit::{Action, Changes};
use crate::model::metrics::Metric;
use crate::model::metrics::query::MetricQuery;
use crate::model::metrics::revision::HistoryEntry;
use crate::model::page::PageRequest;
use crate::storage::idempotency_keys::{self, Answer, IdempotentRequest};
use crate::storage::{StorageError, audit_events, metric_revisions, metrics};

const PATH: &str = "/api/v1/metrics";

/// All routes of metrics.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(get)
        .service(create)
        .service(update)
        .service(remove)
        .service(history);
}

/// List metrics
///
/// Filters narrow the list together; each parameter may be given once.
#[utoipa::path(
    tag = "metrics",
    operation_id = "list_metrics",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("category" = Option<String>, Query, description = "Of this category"),
        ("business_domain" = Option<String>, Query, description = "Of this business domain, by name"),
        ("tier" = Option<String>, Query, description = "Tier-1, Tier-2 or Tier-3"),
        ("metric_type" = Option<String>, Query, description = "leading, lagging or operational"),
        ("tags" = Option<String>, Query, description = "Comma list; all must match"),
        ("status" = Option<String>, Query, description = "active, deprecated or draft"),
        ("owner_team" = Option<String>, Query, description = "Of this team"),
        ("search" = Option<String>, Query, description = "Words of name, description or formula, or their beginnings; all must match"),
        ("sort" = Option<String>, Query, description = "name (default), created_at, updated_at or tier; - in front for descending. Ties go by metric_id"),
        ("page" = Option<i64>, Query, description = "From 1", minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items a page, 50 if not said", minimum = 1, maximum = 100),
    ),
    responses((status = 200, body = Page<Metric>, headers(
        ("Link" = String, description = "first, prev, next, last (RFC 8288)"),
        ("X-Total-Count" = i64), ("X-Page" = i64), ("X-Per-Page" = i64), ("X-Total-Pages" = i64),
    )))
)]
#[get("/api/v1/metrics")]
async fn list(
    _: Reader<Metrics>,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let query = MetricQuery::parse(&parameters).map_err(ApiError::Validation)?;
    cached_read::answer(&state, &question(PATH, &parameters), None, async || {
        let (rows, total) = state
            .db
            .run(Circuit::Metrics, "list_metrics", async |conn| metrics::list(conn, &query).await)
            .await?;
        page(PATH, &parameters, query.page.of(total), rows)
    })
    .await
}

/// One metric
#[utoipa::path(
    tag = "metrics",
    operation_id = "get_metric",
    security((), ("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "metric_id"),
           ("If-None-Match" = Option<String>, Header, description = "Versions that you have")),
    responses(
        (status = 200, body = Data<Metric>, headers(("ETag" = String, description = "Its version, quoted"))),
        (status = 304, description = "You have it"),
    )
)]
#[get("/api/v1/metrics/{id}")]
async fn get(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    known: IfNoneMatch,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let path = format!("{PATH}/{}", id.as_str());
    cached_read::answer(&state, &question(&path, &[]), Some(&known), async || {
        let row = state
            .db
            .run(Circuit::Metrics, "get_metric", async |conn| metrics::get(conn, id.as_str()).await)
            .await?;
        one(&row, &row.version)
    })
    .await
}

/// Create a metric
///
/// With an `Idempotency-Key`, the same request within 24 hours gets the same answer and nothing is
/// created twice.
#[utoipa::path(
    tag = "metrics",
    operation_id = "create_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters")),
    request_body = Metric,
    responses(
        (status = 201, body = Data<Metric>, headers(("Location" = String), ("ETag" = String))),
        (status = 409, description = "The id is taken, or the first request with this key is still running"),
        (status = 422, description = "The key was used with another body"),
    )
)]
#[post("/api/v1/metrics")]
async fn create(
    editor: Editor<Metrics>,
    IdempotencyKey(key): IdempotencyKey,
    origin: Origin,
    body: JsonBody<Metric, ITEM>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    let once = key.map(|key| IdempotentRequest {
        user_id: editor.caller.user.user_id,
        key,
        request_hash: fingerprint(&String::from_utf8_lossy(&body.bytes)),
    });
    let (metric, author, actor) =
        (&body.value, editor.caller.user.username.as_str(), origin.actor(&editor.caller.user));
    let (answer, new) =
        change(&state, Circuit::Metrics, "create_metric", &editor.authority(), async |conn| {
            if let Some(request) = &once
                && let Some(answer) = idempotency_keys::claim(conn, request, now).await?
            {
                return Ok((answer, false));
            }
            let rows = metrics::create(conn, &[metric], author, now).await?;
            let row = rows.first().ok_or(StorageError::Corrupt("a created metric"))?;
            let (id, changes) =
                (row.metric_id.as_str(), Changes::version(None, Some(&row.version)));
            audit_events::record_changes(conn, &actor, Action::MetricCreated, id, &changes, now)
                .await?;
            let body =
                text(&Data::of(row)).map_err(|_| StorageError::Corrupt("a created metric"))?;
            let answer = Answer { etag: etag(&row.version), body };
            if let Some(request) = &once {
                idempotency_keys::remember(conn, request, &answer, now).await?;
            }
            Ok((answer, true))
        })
        .await?;
    if new {
        state.instruments.catalogue.metric_created(metric.tier.as_ref(), metric.category.as_str());
    }
    Ok(created(&format!("{PATH}/{}", metric.metric_id.as_str()), &answer.etag, answer.body))
}

/// Change a metric
///
/// Top-level fields that are absent stay as they are. What changes nothing leaves the version
/// alone.
#[utoipa::path(
    tag = "metrics",
    operation_id = "update_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "metric_id"),
           ("If-Match" = Option<String>, Header, description = "The version that you change")),
    request_body = MetricPatch,
    responses((status = 200, body = Data<Metric>, headers(("ETag" = String))))
)]
#[put("/api/v1/metrics/{id}")]
async fn update(
    editor: Editor<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    PatchBody(patch): PatchBody<Metric>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if !patch.keeps_id(id.as_str()) {
        return Err(ApiError::invalid("metric_id", "cannot be changed"));
    }
    let (now, author, actor) = (
        state.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let row =
        change(&state, Circuit::Metrics, "update_metric", &editor.authority(), async |conn| {
            let (row, changes) =
                metrics::update(conn, id.as_str(), &precondition, &patch, author, now).await?;
            if let Some(changes) = changes {
                audit_events::record_changes(
                    conn,
                    &actor,
                    Action::MetricUpdated,
                    id.as_str(),
                    &changes,
                    now,
                )
                .await?;
            }
            Ok(row)
        })
        .await?;
    versioned(&row, &row.version)
}

/// Delete a metric
///
/// Its history stays.
#[utoipa::path(
    tag = "metrics",
    operation_id = "delete_metric",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "metric_id"),
           ("If-Match" = Option<String>, Header, description = "The version that you delete")),
    responses((status = 200, body = Message))
)]
#[delete("/api/v1/metrics/{id}")]
async fn remove(
    remover: Remover<Metrics>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, author, actor) = (
        state.clock.now(),
        remover.caller.user.username.as_str(),
        origin.actor(&remover.caller.user),
    );
    change(&state, Circuit::Metrics, "delete_metric", &remover.authority(), async |conn| {
        let version = metrics::delete(conn, id.as_str(), &precondition, author, now).await?;
        let changes = Changes::version(Some(version), None);
        audit_events::record_changes(
            conn,
            &actor,
            Action::MetricDeleted,
            id.as_str(),
            &changes,
            now,
        )
        .await
    })
    .await?;
    json(&mut HttpResponse::Ok(), &Message::of("Metric deleted successfully"))
}

/// The revisions of a metric, newest first
///
/// Also of one that was deleted.
#[utoipa::path(
    tag = "metrics",
    operation_id = "metric_history",
    security((), ("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "metric_id"),
           ("page" = Option<i64>, Query, minimum = 1, maximum = 10_000_000),
           ("limit" = Option<i64>, Query, description = "50 if not said", minimum = 1, maximum = 100)),
    responses((status = 200, body = Page<HistoryEntry>))
)]
#[get("/api/v1/metrics/{id}/history")]
async fn history(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 50).map_err(ApiError::Validation)?;
    let path = format!("{PATH}/{}/history", id.as_str());
    cached_read::answer(&state, &question(&path, &parameters), None, async || {
        let (rows, total) = state
            .db
            .run(Circuit::Metrics, "metric_history", async |conn| {
                metric_revisions::list(conn, id.as_str(), request.offset(), request.limit).await
            })
            .await?;
        page(&path, &parameters, request.of(total), rows)
    })
    .await
}
