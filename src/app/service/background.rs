//! Spawns the background tasks of the service. They run until shutdown aborts them.

use actix_web::rt::spawn;
use actix_web::web;
use tokio::task::JoinHandle;

use super::retention::Retention;
use super::startup::Startup;
use super::{
    audit_tasks, business_gauges, caller_exchange, invalidation, rate_limits, recent_readings,
    repeated_events, retention,
};
use crate::app::database::Database;
use crate::config::Config;
use crate::http::AppState;
use crate::http::server::AppOptions;

/// Spawns all background tasks; those that need the database wait until `startup` has prepared it.
pub(super) fn spawn_all(
    config: &Config,
    state: &web::Data<AppState>,
    startup: Startup,
    app_options: AppOptions,
    database: &Database,
) -> Vec<JoinHandle<()>> {
    let retention_days = config.service.audit_retention_days;
    let poll_interval = config.database.poll_interval();
    let mut tasks = vec![
        spawn(startup.run()),
        spawn(invalidation::poll_catalogue(state.clone(), poll_interval)),
        spawn(invalidation::poll_authority(state.clone(), poll_interval)),
        spawn(business_gauges::refresh(state.clone())),
        spawn(audit_tasks::write_refusals(state.clone())),
        spawn(audit_tasks::purge_old(state.clone(), retention_days)),
        spawn(retention::delete_ended(state.clone(), Retention::from_config(config))),
        spawn(rate_limits::remove_idle_clients(app_options)),
        spawn(repeated_events::report_due(state.clone())),
        spawn(recent_readings::record(state.clone())),
    ];
    if database.is_embedded() {
        // Its only connection belongs to the pool, so there is none to listen on.
        slog::debug!(state.logger, "embedded database sends no notifications: epochs are polled");
    } else {
        if config.database.notify_enabled {
            tasks.push(spawn(invalidation::listen(state.clone())));
        } else {
            slog::info!(state.logger, "notifications are switched off: epochs are polled";
                "interval_ms" => config.database.epoch_poll_interval);
        }
        tasks.push(spawn(caller_exchange::run(state.clone())));
    }
    tasks
}
