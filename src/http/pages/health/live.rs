//! The part of the page that changes by itself.

use std::time::Instant;

use maud::{Markup, html};

use super::lasting::lasting;
use super::{circuits, figures, sinks};
use crate::actors::db_breaker::{CircuitState, PoolReport};
use crate::http::app_data::OperationsServices;
use crate::http::error::ApiError;

/// Renders what is known now.
///
/// # Errors
/// If the breaker has stopped.
pub(super) async fn live(services: &OperationsServices) -> Result<Markup, ApiError> {
    let (circuits, pool) = services.db.report().await?;
    let now = services.clock.now();
    let intervals = services.recent.intervals(Instant::now());
    let troubled = circuits.iter().filter(|circuit| circuit.state != CircuitState::Closed).count();
    Ok(html! {
        p {
            @if troubled == 0 { span.status.active { "well" } " All circuits are closed." }
            @else {
                span.status.deprecated { "degraded" } " "
                (troubled) " of " (circuits.len()) " circuits refuse calls."
            }
            " Version " (env!("CARGO_PKG_VERSION")) ", running for "
            (lasting(services.started.elapsed())) "."
        }
        section {
            h2 { "Circuits" }
            (circuits::table(&circuits, now))
            (circuits::transitions(&circuits, now))
        }
        section {
            h2 { "Connection pool" }
            (connections(pool))
        }
        section {
            h2 { "The last 15 minutes" }
            @if services.counts_requests { (figures::table(&intervals)) }
            @else {
                p { "Requests are not counted, because " code { "METRICS_ENABLED" } " is false." }
            }
        }
        section {
            h2 { "Log events" }
            (sinks::table(&services.sinks.counts()))
        }
    })
}

fn connections(pool: PoolReport) -> Markup {
    html! {
        p.facts {
            span { strong { (pool.active) } " in use" }
            span { strong { (pool.idle) } " idle" }
            span { strong { (pool.waiting) } " calls waiting" }
            span { "at most " strong { (pool.max) } " connections" }
        }
    }
}
