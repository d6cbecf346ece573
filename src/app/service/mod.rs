//! The life of the service process: `run` starts it, waits for a signal and stops it.
//!
//! Startup: configuration checks and application state (`composition`), then the listeners, then
//! the background tasks. One of those (`startup`) prepares the database, which may be unavailable
//! for as long as it likes: until then `/health/ready` answers 503. Shutdown: see
//! [`Service::stop`].

mod admin_socket;
mod audit_tasks;
mod background;
mod business_gauges;
mod caller_exchange;
mod composition;
mod config_warnings;
mod database_inspection;
mod first_admin;
mod invalidation;
mod listener;
mod polled_epoch;
mod rate_limits;
mod recent_readings;
mod repeated_events;
mod retention;
mod running_listener;
mod signals;
mod startup;
mod startup_error;
mod supervisor;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web;
use slog::Logger;
use tokio::task::JoinHandle;

use self::admin_socket::AdminSocket;
use self::composition::{Composition, compose};
use self::first_admin::FirstAdmin;
use self::running_listener::RunningListener;
use self::signals::{StopSignal, StopSignals};
use self::startup::Startup;
use crate::app::command_error::CommandError;
use crate::app::database::Database;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::passwords;
use crate::http::AppState;
use crate::http::auditing;
use crate::http::connections::server::ServerOptions;
use crate::telemetry::sinks::Sinks;
use crate::telemetry::traces::Traces;
use crate::telemetry::{self, Logs};

/// Longest wait at shutdown for requests under way, in seconds.
const SHUTDOWN_TIMEOUT: u64 = 30;
/// Longest wait at shutdown for work that goes on after its response, such as mails.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait after a second signal for log events that are written and shipped.
const LAST_LOGS_TIMEOUT: Duration = Duration::from_millis(500);

/// A running service. It must be ended with [`Service::stop`].
pub struct Service {
    /// Where the API listens.
    pub address: SocketAddr,
    pub state: web::Data<AppState>,
    /// Where Prometheus scrapes, if metrics have a listener of their own.
    pub metrics_address: Option<SocketAddr>,
    api: RunningListener,
    metrics: Option<RunningListener>,
    background: Vec<JoinHandle<()>>,
    database: Database,
    traces: Traces,
    logger: Logger,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Runs the service until SIGTERM or SIGINT, or until a listener ends. A second signal ends the
/// process at once.
pub(super) async fn run(config: &Config, sample: bool) -> Result<(), CommandError> {
    // Checked before telemetry starts, because log shipping would already send credentials.
    config.check_transport().map_err(CommandError::usage)?;
    let logs = telemetry::start(&config.logs, &config.shipping).map_err(CommandError::usage)?;
    let mut signals = StopSignals::listen()?;
    let telemetry = (logs.logger.clone(), logs.sinks.clone());
    let mut service = Service::start(config, Clock::default(), sample, telemetry).await?;
    supervisor::notify_ready(&format!("http://{}", service.address), &logs.logger);
    supervisor::spawn_watchdog(&logs.logger);
    let admin = AdminSocket::start(config.admin_socket(service.address.port()), &service.state);
    let end = tokio::select! {
        signal = signals.next() => Ok(signal),
        cause = service.listener_ended() => Err(cause),
    };
    let mut delay = Duration::ZERO;
    match &end {
        Ok(signal) => {
            if *signal == StopSignal::Terminate {
                delay = config.service.shutdown_delay(is_on_terminal());
            }
            let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            slog::info!(logs.logger, "stopping";
                "reason" => signal.name(), "delay_ms" => delay_ms);
        }
        Err(cause) => slog::error!(logs.logger, "listener failed"; "error" => cause),
    }
    supervisor::notify_stopping(&logs.logger);
    let stop = async {
        service.state.operations.readiness.mark_stopping();
        // Their clients connect to another instance.
        service.state.catalogue.feed.stop();
        tokio::time::sleep(delay).await;
        admin.stop().await;
        service.stop().await;
    };
    tokio::select! {
        () = stop => slog::info!(logs.logger, "stopped"),
        signal = signals.next() => {
            slog::warn!(logs.logger, "stopping at once: second signal"; "reason" => signal.name());
            exit_at_once(logs, signal.exit_code());
        }
    }
    end.map(|_| ()).map_err(|cause| CommandError::failed(format!("a listener failed: {cause}")))
}

fn is_on_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal()
}

/// Ends the process when the buffered log events are written and shipped, and soon in any case:
/// a log server that does not answer would take much longer.
fn exit_at_once(logs: Logs, code: i32) -> ! {
    let (written, wait) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        drop(logs);
        drop(written);
    });
    let _ = wait.recv_timeout(LAST_LOGS_TIMEOUT);
    std::process::exit(code);
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
        let Composition { database, state, traces, trusted_proxies, app_options, workers } =
            composition;
        let with_metrics =
            config.metrics.metrics_enabled && !listener::has_own_metrics_listener(config);
        let server_options = ServerOptions { workers, grace: SHUTDOWN_TIMEOUT };
        let api = listener::api(
            config,
            server_options,
            &trusted_proxies,
            (&state, &app_options, with_metrics),
        )?;
        let address = api.address;
        // After the API's listener: a second instance on the same ports has one error, not two.
        let metrics = listener::metrics(config, &state)?.map(RunningListener::spawn);
        let startup = Startup::new(
            state.operations.readiness.clone(),
            FirstAdmin::from_config(config, &database, clock, &logger),
            database.target.clone(),
            sample,
        );
        let background = background::spawn_all(config, &state, startup, app_options, &database);
        tokio::task::spawn_blocking(passwords::warm_up);
        let url = format!("http://{}", config.service.host.with_port(address.port()));
        slog::info!(logger, "listening";
            "address" => &url, "documentation" => format!("{url}/api-docs/"),
            "version" => env!("CARGO_PKG_VERSION"),
            "database" => if database.is_embedded() { "embedded" } else { "postgresql" });
        Ok(Self {
            address,
            state,
            metrics_address: metrics.as_ref().map(|metrics| metrics.address),
            api: RunningListener::spawn(api),
            metrics,
            background,
            database,
            traces,
            logger,
        })
    }

    /// Waits until a listener ends, which none does by itself. Returns why.
    async fn listener_ended(&mut self) -> String {
        let metrics = async {
            match &mut self.metrics {
                Some(metrics) => metrics.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            cause = self.api.ended() => cause,
            cause = metrics => cause,
        }
    }

    /// Stops the service, in this order:
    ///
    /// 1. `/health/ready` answers 503 and streams of changes end (`run` has waited for
    ///    `SHUTDOWN_DELAY` since then, so that load balancers have seen it), and no further
    ///    connection is accepted.
    /// 2. Requests under way end, also writes whose client has disconnected: a connection counts
    ///    as open until they have (`http::connections::server`).
    /// 3. Work ends that goes on after its response: mails, and releases of rate limit hits.
    /// 4. The metrics listener stops, so that Prometheus can scrape the shutdown up to here.
    /// 5. The audit log and the last use of API keys are flushed to the database, and counts of
    ///    repeated events to the log.
    /// 6. The connections to the database are closed, and an embedded database stops. Meanwhile
    ///    spans that wait are exported.
    pub async fn stop(mut self) {
        self.state.operations.readiness.mark_stopping();
        self.state.catalogue.feed.stop();
        self.api.stop(true).await;
        let unfinished = self.state.background.finish(BACKGROUND_TIMEOUT).await;
        if unfinished > 0 {
            slog::error!(self.logger, "background work not finished at shutdown";
                "unfinished" => unfinished);
        }
        if let Some(metrics) = &mut self.metrics {
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
        // At the same time, so that a collector that is unavailable delays no shutdown.
        tokio::join!(self.database.stop(), self.traces.stop());
    }
}
