//! The life of the service process: `run` starts it, waits for a signal and stops it.
//!
//! Startup: configuration checks and application state (`composition`), then the listeners, then
//! the background tasks. One of those (`startup`) prepares the database, which may be unavailable
//! for as long as it likes: until then `/health/ready` answers 503. Shutdown: see
//! [`Service::stop`].

mod audit_tasks;
mod background;
mod business_gauges;
mod caller_exchange;
mod composition;
mod config_warnings;
mod first_admin;
mod invalidation;
mod listener;
mod rate_limits;
mod repeated_events;
mod retention;
mod startup;
mod startup_error;

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::web;
use slog::Logger;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use self::composition::{Composition, compose};
use self::first_admin::FirstAdmin;
use self::listener::Listener;
use self::startup::Startup;
use crate::app::command_error::CommandError;
use crate::app::database::Database;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::passwords;
use crate::http::AppState;
use crate::http::auditing;
use crate::http::connections::server::ServerOptions;
use crate::telemetry;
use crate::telemetry::sinks::Sinks;

/// Longest wait at shutdown for requests under way, in seconds.
const SHUTDOWN_TIMEOUT: u64 = 30;

/// A running service. It must be ended with [`Service::stop`].
pub struct Service {
    /// Where the API listens.
    pub address: SocketAddr,
    pub state: web::Data<AppState>,
    /// Where Prometheus scrapes, if metrics have a listener of their own.
    pub metrics_address: Option<SocketAddr>,
    api: ServerHandle,
    api_server: JoinHandle<std::io::Result<()>>,
    metrics: Option<ServerHandle>,
    background: Vec<JoinHandle<()>>,
    database: Database,
    logger: Logger,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Runs the service until SIGTERM or SIGINT.
pub(super) async fn run(config: &Config, sample: bool) -> Result<(), CommandError> {
    // Checked before telemetry starts, because log shipping would already send credentials.
    config.check_transport().map_err(CommandError::usage)?;
    let logs = telemetry::start(&config.logs, &config.shipping).map_err(CommandError::usage)?;
    let mut terminate = listen_for(SignalKind::terminate())?;
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let telemetry = (logs.logger.clone(), logs.sinks.clone());
    let service = Service::start(config, Clock::default(), sample, telemetry).await?;
    let reason = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    slog::info!(logs.logger, "stopping"; "reason" => reason);
    service.stop().await;
    slog::info!(logs.logger, "stopped");
    Ok(())
}

fn listen_for(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(CommandError::failed)
}

impl Service {
    /// Starts listeners and background tasks; the database may be unavailable.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the port is taken.
    pub async fn start(
        config: &Config,
        clock: Clock,
        sample: bool,
        (logger, sinks): (Logger, Sinks),
    ) -> Result<Self, CommandError> {
        let composition = compose(config, clock.clone(), &logger, sinks).await?;
        let Composition { database, state, trusted_proxies, app_options, workers } = composition;
        let metrics = if listener::has_own_metrics_listener(config) {
            let Listener { address, server } = listener::exposition(config, &state)?;
            let handle = server.handle();
            actix_web::rt::spawn(server);
            Some((address, handle))
        } else {
            None
        };
        let with_metrics = config.metrics.metrics_enabled && metrics.is_none();
        let server_options = ServerOptions { workers, grace: SHUTDOWN_TIMEOUT };
        let Listener { address, server } = listener::api(
            config,
            server_options,
            &trusted_proxies,
            (&state, &app_options, with_metrics),
        )?;
        let api = server.handle();
        let startup = Startup::new(
            state.operations.readiness.clone(),
            FirstAdmin::from_config(config, &database, clock, &logger),
            database.target.clone(),
            sample,
        );
        let background = background::spawn_all(config, &state, startup, app_options, &database);
        tokio::task::spawn_blocking(passwords::warm_up);
        slog::info!(logger, "listening";
            "address" => format!("http://{address}"),
            "documentation" => format!("http://{address}/api-docs/"),
            "version" => env!("CARGO_PKG_VERSION"),
            "database" => if database.is_embedded() { "embedded" } else { "postgresql" });
        Ok(Self {
            address,
            state,
            metrics_address: metrics.as_ref().map(|(address, _)| *address),
            api,
            api_server: actix_web::rt::spawn(server),
            metrics: metrics.map(|(_, handle)| handle),
            background,
            database,
            logger,
        })
    }

    /// Stops the service, in this order:
    ///
    /// 1. `/health/ready` answers 503, and no further connection is accepted.
    /// 2. Requests under way end, also writes whose client has disconnected: a connection counts
    ///    as open until they have (`http::connections::server`).
    /// 3. The metrics listener stops, so that Prometheus can scrape the shutdown up to here.
    /// 4. The audit log and the last use of API keys are flushed to the database, and counts of
    ///    repeated events to the log.
    /// 5. The connections to the database are closed, and an embedded database stops.
    pub async fn stop(self) {
        self.state.operations.readiness.mark_stopping();
        self.api.pause().await;
        self.api.stop(true).await;
        if let Ok(Err(error)) = self.api_server.await {
            slog::error!(self.logger, "listener failed"; "error" => %error);
        }
        if let Some(metrics) = &self.metrics {
            metrics.stop(false).await;
        }
        // Before the background tasks are aborted: one of them may be in the middle of a flush.
        auditing::flush(&self.state, true).await;
        repeated_events::report_all(&self.state);
        for task in &self.background {
            task.abort();
        }
        let unwritten = self.state.accounts.keys.stop().await;
        if unwritten > 0 {
            slog::error!(self.logger, "failed to flush last_used_at at shutdown";
                "keys" => unwritten);
        }
        self.database.stop().await;
    }
}
