//! Reads the totals of the instruments every few seconds, for the page about the health of the
//! service.

use std::time::Instant;

use actix_web::web;
use tokio::time::{MissedTickBehavior, interval};

use crate::http::AppState;
use crate::telemetry::recent::{EVERY, Totals};

/// Records readings until the task is aborted.
pub(super) async fn record(state: web::Data<AppState>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refused = 0;
    loop {
        ticks.tick().await;
        if let Ok((circuits, _)) = state.db.report().await {
            refused = circuits.iter().map(|circuit| circuit.stats.rejects).sum();
        }
        let totals = Totals::read(&state.instruments, refused);
        state.operations.recent.record(Instant::now(), totals);
    }
}
