//! What Prometheus scrapes: on a listener of its own, or on the API's. Never limited, never
//! authenticated.

use actix_web::{HttpResponse, web};

use crate::actors::db_breaker::State;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::telemetry::instruments::TEXT;
use crate::telemetry::instruments::database::CircuitReading;

/// `/metrics`, and nothing else.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/metrics", web::get().to(exposition));
}

async fn exposition(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    // Without the actor nothing is known of circuits and pool; the other families are still worth a
    // scrape.
    let report = state.db.report().await.ok();
    let text = state.instruments.exposition(|instruments| {
        if let Some((_, pool)) = &report {
            instruments.database.pool([
                pool.active.into(),
                pool.idle.into(),
                pool.waiting,
                pool.max.into(),
            ]);
        }
        for report in report.iter().flat_map(|(circuits, _)| circuits) {
            let to = |state| report.stats.transitions_to(state);
            instruments.database.circuit(CircuitReading {
                name: report.circuit.as_ref(),
                state: report.state.as_ref(),
                failures: report.stats.failures,
                rejections: report.stats.rejects,
                transitions: [
                    to(State::Closed),
                    to(State::Open),
                    to(State::HalfOpen),
                    to(State::Isolated),
                ],
            });
        }
        for (sink, counts) in state.sinks.counts() {
            instruments.logs.sink(sink, counts);
        }
    });
    let text = text.map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(text))
}
