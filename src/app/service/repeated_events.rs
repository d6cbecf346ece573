//! Reports repeated log events that were counted instead of logged, once a second and at shutdown,
//! so that no count waits for the next event (`telemetry::repeated`).

use std::time::Duration;

use actix_web::web;

use crate::http::AppState;

/// Interval in which counts that are due are looked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Logs the counts that are due, until aborted.
pub(in crate::app) async fn report_due(state: web::Data<AppState>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        state.rate_limiter.refusals.report_due(&state.logger);
        state.mail.failures.report_due(&state.logger);
    }
}

/// Logs all counts that were not logged yet, when no further event can come.
pub(in crate::app) fn report_all(state: &AppState) {
    state.rate_limiter.refusals.report_all(&state.logger);
    state.mail.failures.report_all(&state.logger);
}
