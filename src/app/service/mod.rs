//! The service: built, run, and stopped in order.

mod audit_tasks;
mod business_gauges;
mod caller_exchange;
mod config_warnings;
mod first_admin;
mod invalidation;
mod listener;
mod rate_limits;
mod startup;
mod startup_error;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web;
use slog::Logger;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use self::first_admin::FirstAdmin;
use self::listener::Listener;
use self::startup::Startup;
use super::database::{Database, Use};
use super::failure::Failure;
use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::bulkhead::Bulkhead;
use crate::cache::responses::Answers;
use crate::cache::sessions::Callers;
use crate::clock::Clock;
use crate::config::{AuthConfig, Config};
use crate::credentials::hasher::Hasher;
use crate::credentials::passwords;
use crate::credentials::tokens::{Lifetimes, Tokens};
use crate::embedded::Secrets;
use crate::http::auditing::{self, Audit};
use crate::http::connections::server::Running;
use crate::http::database_check::DatabaseCheck;
use crate::http::middleware::run_to_end::Detached;
use crate::http::middleware::security::SecurityHeaders;
use crate::http::rate_limit::Limits;
use crate::http::request::client_ip::Forwarding;
use crate::http::state::{AppState, Policy, Readiness};
use crate::mail::Mailer;
use crate::telemetry;
use crate::telemetry::sinks::Sinks;

/// How many imports may wait while one is done. Its writes would wait for those of the other
/// anyway; and a document may take twenty times its length in memory (`model::json` bounds that).
const IMPORTS_WAITING: usize = 16;
/// How long requests may take to finish when the service stops, in seconds.
const GRACE: u64 = 30;

/// A running service.
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers can reach.
    pub state: web::Data<AppState>,
    /// Where Prometheus scrapes, if that is elsewhere.
    pub metrics_address: Option<SocketAddr>,
    handle: ServerHandle,
    scraped: Option<ServerHandle>,
    server: JoinHandle<std::io::Result<()>>,
    background: Vec<JoinHandle<()>>,
    database: Database,
    readiness: Readiness,
    logger: Logger,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Runs the service until it is told to stop (SIGTERM, or SIGINT from the keyboard).
pub(super) async fn run(config: &Config, sample: bool) -> Result<(), Failure> {
    // Before anything is sent.
    config.check_transport().map_err(Failure::usage)?;
    let logs = telemetry::start(&config.logs, &config.shipping).map_err(Failure::usage)?;
    let (mut term, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let service =
        Service::start(config, Clock::default(), sample, (logs.logger.clone(), logs.sinks.clone()))
            .await?;
    let reason = tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    slog::info!(logs.logger, "stopping"; "reason" => reason);
    service.stop().await;
    slog::info!(logs.logger, "stopped");
    Ok(())
}

fn on(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    signal(kind).map_err(|error| Failure::new(error.to_string()))
}

impl Service {
    /// Starts everything; the database may be away.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the port is taken.
    pub async fn start(
        config: &Config,
        clock: Clock,
        sample: bool,
        (logger, sinks): (Logger, Sinks),
    ) -> Result<Self, Failure> {
        let tokens = tokens(config)?;
        check_admin(&config.auth)?;
        config_warnings::warn(config, &logger)?;
        let database = Database::start(config, Use::Service, &logger).await?;
        let mailer = mailer(config, database.is_embedded(), &logger)?;
        let (quotas, proxies, shields) =
            rate_limits::of(config, database.instruments.limits.clone())?;
        let workers = config.service.workers.map_or_else(cores, usize::from);
        let readiness = Readiness::default();
        let authentication = database.instruments.authentication.clone();
        let keys =
            ApiKeyCacheHandle::start(database.db.clone(), authentication, logger.new(slog::o!()));
        let state = web::Data::new(AppState {
            db: database.db.clone(),
            answers: Answers::default(),
            callers: Callers::default(),
            audit: Audit::default(),
            keys,
            instruments: database.instruments.clone(),
            sinks,
            tokens,
            limits: Limits::new(
                config.limits.rate_limit_enabled,
                quotas,
                database.instruments.limits.clone(),
            ),
            forwarding: Forwarding::new(proxies.clone()),
            security_headers: SecurityHeaders {
                enabled: config.shields.security_headers_enabled,
                csp: config.shields.csp_enabled,
                hsts: config.shields.hsts_enabled,
            },
            mailer,
            public_url: config.mail.public_url().map_err(Failure::usage)?,
            hasher: Hasher::new(workers),
            imports: Bulkhead::new(1, IMPORTS_WAITING),
            import_max_bytes: config.service.import_max_bytes as usize,
            clock: clock.clone(),
            policy: policy(&config.auth),
            readiness: readiness.clone(),
            database_check: DatabaseCheck::default(),
            detached: Detached::default(),
            logger: logger.clone(),
            started: Instant::now(),
        });
        let (metrics, service) = (&config.metrics, &config.service);
        let own_host = metrics.metrics_host.is_some_and(|host| host != service.host);
        // Port 0 twice is two ports.
        let own_port =
            own_host || metrics.metrics_port != service.port || metrics.metrics_port == 0;
        let with_metrics = metrics.metrics_enabled && !own_port;
        let scraped = if metrics.metrics_enabled && own_port {
            let Listener { address, server } = listener::exposition(config, &state)?;
            let handle = server.handle();
            actix_web::rt::spawn(server);
            Some((address, handle))
        } else {
            None
        };
        let running = Running { workers, grace: GRACE };
        let Listener { address, server } =
            listener::api(config, running, &proxies, (&state, &shields, with_metrics))?;
        let handle = server.handle();
        let startup = Startup {
            readiness: readiness.clone(),
            first_admin: FirstAdmin {
                db: database.db.clone(),
                clock,
                logger: logger.clone(),
                username: config.auth.admin_username.clone(),
                password: config.auth.password().cloned(),
                data_dir: database.is_embedded().then(|| config.database.data_dir.clone()),
            },
            sample,
        };
        let mut background = vec![
            actix_web::rt::spawn(startup.run()),
            actix_web::rt::spawn(invalidation::poll_catalogue(state.clone())),
            actix_web::rt::spawn(invalidation::poll_authority(state.clone())),
            actix_web::rt::spawn(business_gauges::take(state.clone())),
            actix_web::rt::spawn(audit_tasks::write_refusals(state.clone())),
            actix_web::rt::spawn(audit_tasks::purge_old(
                state.clone(),
                config.service.audit_retention_days,
            )),
            actix_web::rt::spawn(rate_limits::forget_idle(shields)),
        ];
        if database.is_embedded() {
            // It has one connection, so none to listen on.
            slog::info!(logger, "the embedded database sends no notifications: epochs are polled");
        } else {
            background.push(actix_web::rt::spawn(invalidation::listen(state.clone())));
            background.push(actix_web::rt::spawn(caller_exchange::run(state.clone())));
        }
        tokio::task::spawn_blocking(passwords::warm_up);
        slog::info!(logger, "listening";
            "address" => format!("http://{address}"), "documentation" => format!("http://{address}/api-docs/"),
            "version" => env!("CARGO_PKG_VERSION"),
            "database" => if database.is_embedded() { "embedded" } else { "postgresql" });
        Ok(Self {
            address,
            state,
            metrics_address: scraped.as_ref().map(|(address, _)| *address),
            handle,
            scraped: scraped.map(|(_, handle)| handle),
            server: actix_web::rt::spawn(server),
            background,
            database,
            readiness,
            logger,
        })
    }

    /// Stops: no longer ready, then no new connections, then the requests under way, then the
    /// database.
    pub async fn stop(self) {
        self.readiness.stopping();
        self.handle.pause().await;
        self.detached_requests().await;
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.server.await {
            slog::error!(self.logger, "the listener failed"; "error" => error.to_string());
        }
        // Last of the listeners, so that the end can be watched.
        if let Some(handle) = &self.scraped {
            handle.stop(false).await;
        }
        // Before the task that does so otherwise is ended, perhaps in the middle of it.
        auditing::flush(&self.state, true).await;
        for task in &self.background {
            task.abort();
        }
        let lost = self.state.keys.stop().await;
        if lost > 0 {
            slog::error!(self.logger, "last use of API keys not written: the database is away"; "keys" => lost);
        }
        self.database.stop().await;
    }
}

impl Service {
    /// Waits for writes whose clients have gone. A worker counts connections only, so it would end
    /// without them.
    async fn detached_requests(&self) {
        let until = Instant::now() + Duration::from_secs(GRACE);
        while self.state.detached.count() > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn mailer(config: &Config, embedded: bool, logger: &Logger) -> Result<Mailer, Failure> {
    let from = &config.mail.mail_from;
    let mailer = if let Some(url) = config.mail.server() {
        Mailer::smtp(url, from)
    } else if embedded {
        let folder = config.database.data_dir.join("mail");
        crate::embedded::private_folder(&folder).map_err(Failure::usage)?;
        slog::info!(logger, "SMTP_URL is not set: mail goes into a folder"; "folder" => folder.display().to_string());
        Mailer::folder(&folder, from)
    } else {
        slog::warn!(logger, "SMTP_URL is not set: nobody can reset a lost password by mail");
        Mailer::nowhere(from)
    };
    mailer.map_err(Failure::usage)
}

fn tokens(config: &Config) -> Result<Tokens, Failure> {
    let auth = &config.auth;
    let with_url = config.database.url().is_some();
    auth.check(with_url).map_err(Failure::usage)?;
    let (access, refresh) = match auth.secrets() {
        Some((access, refresh)) => (access.clone(), refresh.clone()),
        None if with_url => {
            return Err(Failure::usage("JWT_SECRET and JWT_REFRESH_SECRET are required"));
        }
        None => {
            let own = Secrets::of(&config.database.data_dir).map_err(Failure::usage)?;
            (own.access, own.refresh)
        }
    };
    let lifetimes = Lifetimes {
        access: auth.jwt_access_token_expiry,
        refresh: auth.jwt_refresh_token_expiry,
        session: auth.session_max_age_days.saturating_mul(86_400),
    };
    Ok(Tokens::new(&access, &refresh, lifetimes))
}

fn check_admin(auth: &AuthConfig) -> Result<(), Failure> {
    use garde::Validate;
    let username = crate::model::text::Username::new(&auth.admin_username);
    if username.validate().is_err() || username.as_str() != auth.admin_username {
        return Err(Failure::usage("ADMIN_USERNAME must be 3 to 50 letters, digits, '-' or '_'"));
    }
    match auth.password().and_then(|password| passwords::flaw(password, &auth.admin_username, "")) {
        Some(flaw) => Err(Failure::usage(format!("ADMIN_PASSWORD {flaw}"))),
        None => Ok(()),
    }
}

fn policy(auth: &AuthConfig) -> Policy {
    Policy {
        anonymous_read: auth.anonymous_read,
        registration: auth.registration_enabled,
        require_if_match: auth.require_if_match,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
