//! The circuits, for operators.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use chrono::TimeDelta;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strum::IntoEnumIterator;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::{Circuit, CircuitReport, Control, PoolReport, State, Stats};
use crate::clock::rfc3339;
use crate::http::AppState;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::middleware::authenticate::identify_again;
use crate::model::audit::{Action, Changes};
use crate::model::scopes::Scope;
use crate::model::text::Text500;
use crate::storage::audit_events::NewEvent;

/// All routes of the circuits.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(all).service(steer);
}

/// All circuits and the pool.
#[derive(Serialize, ToSchema)]
struct Breakers {
    success: bool,
    /// By name: metrics, domains, auth, `api_keys`.
    breakers: BTreeMap<String, BreakerBody>,
    pool: PoolReport,
}

/// One circuit.
#[derive(Serialize, ToSchema)]
struct BreakerBody {
    status: State,
    stats: Stats,
    /// Since when, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    since: String,
    /// Seconds until it is worth asking again; null while closed.
    retry_after: Option<f64>,
    last_error: Option<String>,
    /// Calls under way.
    in_flight: u64,
}

/// What an operator wants of a circuit, and why.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Steering {
    #[garde(skip)]
    action: Control,
    /// For the log.
    #[garde(dive)]
    reason: Text500,
}

async fn report(state: &AppState) -> Result<Breakers, ApiError> {
    let (circuits, pool) = state.db.report().await?;
    let now = state.clock.now();
    let body = |report: CircuitReport| {
        let since = TimeDelta::from_std(report.for_how_long).unwrap_or_default();
        let body = BreakerBody {
            status: report.state,
            stats: report.stats,
            since: rfc3339(now - since),
            retry_after: report
                .retry_after
                .map(|left| (left.as_secs_f64() * 1000.0).round() / 1000.0),
            last_error: report.last_error,
            in_flight: report.in_flight,
        };
        (report.circuit.as_ref().to_owned(), body)
    };
    Ok(Breakers { success: true, breakers: circuits.into_iter().map(body).collect(), pool })
}

/// How the circuit breakers are
#[utoipa::path(
    tag = "health",
    operation_id = "circuit_breakers",
    security(("bearer" = []), ("api_key" = [])),
    responses((status = 200, body = Breakers))
)]
#[get("/health/circuit-breakers")]
async fn all(_: Admin, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    answer::json(&mut HttpResponse::Ok(), &report(&state).await?)
}

/// Isolate, close or reset a circuit breaker
///
/// `isolate` refuses everything until told otherwise; `close` lets calls through and goes on
/// judging; `reset` also forgets what was. The reason and your name go into the log.
#[utoipa::path(
    tag = "health",
    operation_id = "steer_circuit_breaker",
    security(("bearer" = []), ("api_key" = [])),
    params(("name" = String, Path, description = "metrics, domains, auth or api_keys")),
    request_body = Steering,
    responses((status = 200, body = Breakers))
)]
#[post("/health/circuit-breakers/{name}")]
async fn steer(
    _: Admin,
    request: HttpRequest,
    origin: Origin,
    body: JsonBody<Steering>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().query("name");
    let circuit = Circuit::iter().find(|circuit| circuit.as_ref() == name);
    let circuit = circuit.ok_or(ApiError::NotFound("There is no such circuit breaker"))?;
    // The body may have arrived long after the head.
    let caller = identify_again(&state, &request).await?;
    caller.may(&[Scope::Admin])?;
    let reason = format!(
        "{} by {}: {}",
        body.value.action.as_ref(),
        caller.user.username,
        body.value.reason.as_str()
    );
    let details =
        json!({ "action": body.value.action.as_ref(), "reason": body.value.reason.as_str() });
    let actor = origin.actor(&caller.user);
    // Not in the database, which may be down: that is when circuits are controlled.
    let event = NewEvent::done(
        &actor,
        Action::CircuitControlled,
        name.into(),
        (&details, &Changes::default()),
        state.clock.now(),
    )?;
    state.db.steer(circuit, body.value.action, reason).await?;
    state.audit.record_later(event);
    answer::json(&mut HttpResponse::Ok(), &report(&state).await?)
}
