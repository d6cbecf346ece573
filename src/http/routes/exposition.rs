//! The exposition for Prometheus, on its own listener or on that of the API. It needs no
//! credentials and has no rate limit.

use actix_web::{HttpResponse, web};

use crate::actors::db_breaker::CircuitState;
use crate::http::app_data::{CatalogueServices, OperationsServices};
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::telemetry::instruments::CONTENT_TYPE;
use crate::telemetry::instruments::database::{CircuitReading, PoolReading};

const STATES: [CircuitState; 4] =
    [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen, CircuitState::Isolated];

/// Registers the route `/metrics`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/metrics", web::get().to(exposition));
}

async fn exposition(
    _: Anyone,
    services: web::Data<OperationsServices>,
    catalogue: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    // If the breaker has stopped, circuits and pool are unknown; the other families are still
    // exposed.
    let report = services.db.report().await.ok();
    let text = services.instruments.exposition(|instruments| {
        if let Some((_, pool)) = &report {
            instruments.database.set_pool(PoolReading {
                active: pool.active.into(),
                idle: pool.idle.into(),
                waiting: pool.waiting,
                max: pool.max.into(),
            });
        }
        for report in report.iter().flat_map(|(circuits, _)| circuits) {
            let transitions = STATES
                .each_ref()
                .map(|state| (state.as_ref(), report.stats.transitions_to(*state)));
            instruments.database.set_circuit(CircuitReading {
                name: report.circuit.as_ref(),
                state: report.state.as_ref(),
                failures: report.stats.failures,
                rejections: report.stats.rejects,
                transitions: &transitions,
            });
        }
        instruments.operations.set_cache_bytes(catalogue.responses.bytes());
        for (sink, counts) in services.sinks.counts() {
            instruments.logs.set_sink_counts(sink, counts);
        }
    });
    let text = text.map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
