//! Whether the service lives and can work. Never limited, never authenticated.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::State;
use crate::clock::rfc3339;
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::database_check::{DatabaseCheck, DatabaseHealth};
use crate::http::error::ApiError;
use crate::http::extract::query::QueryParameters;

/// The three questions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(health).service(live).service(ready);
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Condition {
    /// All is well.
    Ok,
    /// It answers, but not to everything.
    Degraded,
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: Condition,
    version: &'static str,
    uptime_seconds: u64,
    /// RFC 3339 in UTC.
    #[schema(format = DateTime)]
    timestamp: String,
}

/// How the service is
#[utoipa::path(tag = "health", responses((status = 200, body = Health)))]
#[get("/health")]
async fn health(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let report = state.db.report().await;
    let closed = report
        .is_ok_and(|(circuits, _)| circuits.iter().all(|circuit| circuit.state == State::Closed));
    let well = closed && state.keys.is_running() && state.readiness.is_prepared();
    let status = if well { Condition::Ok } else { Condition::Degraded };
    json(
        &mut HttpResponse::Ok(),
        &Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: state.started.elapsed().as_secs(),
            timestamp: rfc3339(state.clock.now()),
        },
    )
}

#[derive(Serialize, ToSchema)]
struct Alive {
    /// Always "live".
    status: &'static str,
}

/// Whether the process runs
#[utoipa::path(tag = "health", responses((status = 200, body = Alive)))]
#[get("/health/live")]
async fn live() -> Result<HttpResponse, ApiError> {
    json(&mut HttpResponse::Ok(), &Alive { status: "live" })
}

#[derive(Serialize, ToSchema)]
struct Ready {
    /// "ready" or "not ready".
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    /// "ok", "starting" (never reached yet, or its schema is not up to date), "unavailable", or
    /// "stopped" (this process cannot ask it any more: restart it).
    database: &'static str,
    /// "ok", or "stopped": no API key is accepted until the process is restarted.
    api_key_cache: &'static str,
    /// "ok" or "stopping".
    service: &'static str,
}

/// Whether the service can do its work
///
/// For load balancers: 503 while the database cannot be reached, while it is being prepared, and
/// once the service has been told to stop. The database is asked at most once a second, whoever
/// asks. With `for=reads` it is 200 also while the database is unavailable, if there are cached
/// responses to answer reads from.
#[utoipa::path(tag = "health",
    params(("for" = Option<String>, Query, description = "`reads`: be content if reads can be answered")),
    responses(
        (status = 200, body = Ready),
        (status = 503, description = "Not now; `checks` says why", body = Ready),
    ))]
#[get("/health/ready")]
async fn ready(
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut purposes =
        parameters.iter().filter(|(name, _)| name == "for").map(|(_, value)| value.as_str());
    let reads_only = match (purposes.next(), purposes.next()) {
        (None, _) => false,
        (Some("reads"), None) => true,
        _ => return Err(ApiError::invalid("for", "must be `reads`, once")),
    };
    let database = if state.readiness.is_prepared() {
        match DatabaseCheck::health(&state, Instant::now()).await {
            DatabaseHealth::Ok => "ok",
            DatabaseHealth::Unavailable => "unavailable",
            DatabaseHealth::Stopped => "stopped",
        }
    } else {
        "starting"
    };
    let service = if state.readiness.is_stopping() { "stopping" } else { "ok" };
    let api_key_cache = if state.keys.is_running() { "ok" } else { "stopped" };
    let readable = reads_only && database == "unavailable" && !state.answers.is_empty();
    let ready = (database == "ok" || readable) && service == "ok" && api_key_cache == "ok";
    let (status, word) = if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let checks = Checks { database, api_key_cache, service };
    json(&mut HttpResponse::build(status), &Ready { status: word, checks })
}
