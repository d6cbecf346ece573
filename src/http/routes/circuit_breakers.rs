//! Routes of the circuit breakers, for administrators.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::{
    CircuitReport, CircuitState, CircuitStats, PoolReport, TransitionReport, WindowReport,
};
use crate::clock::rfc3339;
use crate::http::app_data::OperationsServices;
use crate::http::auditing::queue::AuditQueue;
use crate::http::circuit_control::{CircuitAction, control_circuit, find_circuit};
use crate::http::error::ApiError;
use crate::http::extract::circuit_admin::CircuitAdmin;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::openapi::vocabulary::CircuitName;
use crate::http::response::json as json_response;

/// Registers the routes of the circuit breakers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(control);
}

/// All circuit breakers and the connection pool.
#[derive(Serialize, ToSchema)]
#[schema(as = CircuitBreakers)]
struct BreakersBody {
    success: bool,
    /// By name: metrics, domains, auth, `api_keys`.
    breakers: BTreeMap<String, BreakerBody>,
    pool: PoolReport,
}

/// One circuit breaker.
#[derive(Serialize, ToSchema)]
#[schema(as = CircuitBreaker)]
struct BreakerBody {
    status: CircuitState,
    stats: CircuitStats,
    window: WindowReport,
    /// Time of the last transition, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    since: String,
    /// Seconds until a retry makes sense; null while closed.
    retry_after: Option<f64>,
    last_error: Option<String>,
    /// Calls in flight.
    in_flight: u64,
    /// At most ten, newest first.
    last_transitions: Vec<TransitionBody>,
}

/// One change of state.
#[derive(Serialize, ToSchema)]
#[schema(as = BreakerTransition)]
struct TransitionBody {
    from: CircuitState,
    to: CircuitState,
    /// RFC 3339 in UTC.
    #[schema(format = DateTime)]
    at: String,
    cause: String,
}

async fn report(services: &OperationsServices) -> Result<BreakersBody, ApiError> {
    let (circuits, pool) = services.db.report().await?;
    let now = services.clock.now();
    let instant = |ago| rfc3339(now - TimeDelta::from_std(ago).unwrap_or_default());
    let transition = |one: TransitionReport| TransitionBody {
        from: one.from,
        to: one.to,
        at: instant(one.ago),
        cause: one.cause,
    };
    let body = |report: CircuitReport| {
        let body = BreakerBody {
            status: report.state,
            stats: report.stats,
            window: report.window,
            since: instant(report.in_state_for),
            retry_after: report
                .retry_after
                .map(|left| (left.as_secs_f64() * 1000.0).round() / 1000.0),
            last_error: report.last_error,
            in_flight: report.in_flight,
            last_transitions: report.last_transitions.into_iter().map(transition).collect(),
        };
        (report.circuit.as_ref().to_owned(), body)
    };
    Ok(BreakersBody { success: true, breakers: circuits.into_iter().map(body).collect(), pool })
}

/// Get the state of all circuit breakers
///
/// For administrators: states, statistics and the connection pool.
#[utoipa::path(
    tag = "health",
    operation_id = "circuit_breakers",
    security(("bearer" = []), ("api_key" = [])),
    responses((status = 200, body = BreakersBody))
)]
#[get("/health/circuit-breakers")]
async fn list(
    _: CircuitAdmin,
    services: web::Data<OperationsServices>,
) -> Result<HttpResponse, ApiError> {
    json_response(&mut HttpResponse::Ok(), &report(&services).await?)
}

/// Isolate, close or reset a circuit breaker
///
/// `isolate` refuses all calls until `close` or `reset`; `close` permits calls and continues to
/// count failures; `reset` also discards all counts. The reason and the caller's username are
/// logged.
#[utoipa::path(
    tag = "health",
    operation_id = "control_circuit_breaker",
    security(("bearer" = []), ("api_key" = [])),
    params(("name" = CircuitName, Path, description = "metrics, domains, auth or api_keys")),
    request_body = CircuitAction,
    responses((status = 200, body = BreakersBody))
)]
#[post("/health/circuit-breakers/{name}")]
async fn control(
    admin: CircuitAdmin,
    request: HttpRequest,
    origin: Origin,
    body: JsonBody<CircuitAction>,
    services: web::Data<OperationsServices>,
    audit: web::Data<AuditQueue>,
) -> Result<HttpResponse, ApiError> {
    let circuit = find_circuit(request.match_info().query("name"))?;
    let caller = (admin, &request, &origin);
    control_circuit(caller, circuit, &body.value, &services, &audit).await?;
    json_response(&mut HttpResponse::Ok(), &report(&services).await?)
}
