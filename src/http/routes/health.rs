//! Whether the service lives and can work. Never limited, never authenticated.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::{Circuit, State};
use crate::clock::rfc3339;
use crate::http::AppState;
use crate::http::answer::json;
use crate::http::error::ApiError;

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
    let closed = state.db.report().await.0.iter().all(|circuit| circuit.state == State::Closed);
    let well = closed && state.readiness.is_prepared();
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
    /// "ok", "starting" (never reached yet, or its schema is not up to date) or "unavailable".
    database: &'static str,
    /// "ok" or "stopping".
    service: &'static str,
}

/// Whether the service can do its work
///
/// For load balancers: 503 while the database cannot be reached, while it is being prepared, and once the service has
/// been told to stop.
#[utoipa::path(tag = "health", responses(
    (status = 200, body = Ready),
    (status = 503, description = "Not now; `checks` says why", body = Ready),
))]
#[get("/health/ready")]
async fn ready(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let database = if state.readiness.is_prepared() { ping(&state).await } else { "starting" };
    let service = if state.readiness.is_stopping() { "stopping" } else { "ok" };
    let ready = database == "ok" && service == "ok";
    let (status, word) = if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    json(&mut HttpResponse::build(status), &Ready { status: word, checks: Checks { database, service } })
}

async fn ping(state: &AppState) -> &'static str {
    let asked = state.db.run(Circuit::Auth, "ping", async |conn| {
        diesel::sql_query("SELECT 1").execute(conn).await?;
        Ok(())
    });
    match asked.await {
        Ok(()) => "ok",
        Err(_) => "unavailable",
    }
}
