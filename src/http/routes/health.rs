//! Health checks for load balancers and operators. They need no credentials and have no rate limit.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::CircuitState;
use crate::clock::rfc3339;
use crate::http::app_data::{AccountServices, CatalogueServices, OperationsServices};
use crate::http::database_check::DatabaseHealth;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::ReadinessPurpose;
use crate::http::response::json;

/// Registers the health checks.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(health).service(live).service(ready);
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthStatus)]
enum HealthStatus {
    /// All requests can be served.
    Ok,
    /// Some requests cannot be served.
    Degraded,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    status: HealthStatus,
    version: &'static str,
    uptime_seconds: u64,
    /// RFC 3339 in UTC.
    #[schema(format = DateTime)]
    timestamp: String,
}

/// Show the health of the service
///
/// The status code is always 200; `degraded` says that some requests cannot be served.
#[utoipa::path(tag = "health", responses((status = 200, body = HealthBody)))]
#[get("/health")]
async fn health(
    _: Anyone,
    services: web::Data<OperationsServices>,
    accounts: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let report = services.db.report().await;
    let is_closed = report.is_ok_and(|(circuits, _)| {
        circuits.iter().all(|circuit| circuit.state == CircuitState::Closed)
    });
    let is_ok = is_closed && accounts.keys.is_running() && services.readiness.is_prepared();
    let status = if is_ok { HealthStatus::Ok } else { HealthStatus::Degraded };
    json(
        &mut HttpResponse::Ok(),
        &HealthBody {
            status,
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: services.started.elapsed().as_secs(),
            timestamp: rfc3339(services.clock.now()),
        },
    )
}

#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
struct LivenessBody {
    /// Is always "live".
    status: &'static str,
}

/// Liveness: whether the process runs
///
/// Looks at nothing else, so that an outage of the database does not restart the process.
#[utoipa::path(tag = "health", responses((status = 200, body = LivenessBody)))]
#[get("/health/live")]
async fn live(_: Anyone) -> Result<HttpResponse, ApiError> {
    json(&mut HttpResponse::Ok(), &LivenessBody { status: "live" })
}

#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadinessBody {
    /// "ready" or "not ready".
    status: &'static str,
    checks: ReadinessChecks,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReadinessChecks)]
struct ReadinessChecks {
    /// "ok", "starting" (not reached yet, or its schema is not up to date), "unavailable", or
    /// "stopped" (this process cannot use the database any more: restart it).
    database: &'static str,
    /// "ok", or "stopped": API keys are refused until the process is restarted.
    api_key_cache: &'static str,
    /// "ok" or "stopping".
    service: &'static str,
}

/// Readiness: whether the service can serve requests
///
/// For load balancers: 503 while the database is unavailable or being prepared, and after shutdown
/// has begun. All requests together check the database at most once a second. With `for=reads` the
/// status is 200 also while the database is unavailable, if there are cached responses for reads.
#[utoipa::path(tag = "health",
    params(("for" = Option<ReadinessPurpose>, Query,
        description = "`reads`: also ready if only reads can be served")),
    responses(
        (status = 200, body = ReadinessBody),
        (status = 503, description = "Not ready; `checks` says why", body = ReadinessBody),
    ))]
#[get("/health/ready")]
async fn ready(
    _: Anyone,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<OperationsServices>,
    accounts: web::Data<AccountServices>,
    catalogue: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let mut purposes =
        parameters.iter().filter(|(name, _)| name == "for").map(|(_, value)| value.as_str());
    let reads_only = match (purposes.next(), purposes.next()) {
        (None, _) => false,
        (Some("reads"), None) => true,
        _ => return Err(ApiError::invalid("for", "must be `reads`, at most once")),
    };
    let database = if services.readiness.is_prepared() {
        match services.database_check.health(&services.db, Instant::now()).await {
            DatabaseHealth::Ok => "ok",
            DatabaseHealth::Unavailable => "unavailable",
            DatabaseHealth::Stopped => "stopped",
        }
    } else {
        "starting"
    };
    let service = if services.readiness.is_stopping() { "stopping" } else { "ok" };
    let api_key_cache = if accounts.keys.is_running() { "ok" } else { "stopped" };
    let has_responses = || !catalogue.responses.is_empty(Instant::now());
    let can_read = reads_only && database == "unavailable" && has_responses();
    let is_ready = (database == "ok" || can_read) && service == "ok" && api_key_cache == "ok";
    let (status_code, status) = if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let checks = ReadinessChecks { database, api_key_cache, service };
    json(&mut HttpResponse::build(status_code), &ReadinessBody { status, checks })
}
