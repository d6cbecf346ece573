//! Builds what the service consists of before it listens: checked configuration, database handle,
//! caches, mailer, tokens and rate limits, joined in [`AppState`]. Nothing here opens a listener;
//! `mod.rs` starts and stops what is built here.

use std::time::Instant;

use actix_web::web;
use garde::Validate;
use slog::Logger;

use super::{config_warnings, rate_limits};
use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::app::command_error::CommandError;
use crate::app::database::{Database, Purpose};
use crate::bulkhead::Bulkhead;
use crate::cache::joined_loads::JoinedLoads;
use crate::cache::list_facts::ListFacts;
use crate::cache::pages::PageCache;
use crate::cache::positions::PositionCache;
use crate::cache::responses::ResponseCache;
use crate::cache::sessions::SessionCache;
use crate::clock::Clock;
use crate::config::{AuthConfig, Config};
use crate::credentials::hasher::Hasher;
use crate::credentials::passwords;
use crate::credentials::tokens::{Lifetimes, Tokens};
use crate::embedded::EmbeddedSecrets;
use crate::http::app_data::{
    AccessPolicy, AccountServices, CatalogueServices, MailServices, OperationsServices,
};
use crate::http::auditing::queue::AuditQueue;
use crate::http::background_work::BackgroundWork;
use crate::http::client_places::ClientPlaces;
use crate::http::database_check::DatabaseCheck;
use crate::http::feed_listeners::FeedListeners;
use crate::http::mail_failures::MailFailureLog;
use crate::http::middleware::detached::DetachedRequests;
use crate::http::middleware::security::SecurityHeaders;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::read_replica::ReadReplica;
use crate::http::readiness::Readiness;
use crate::http::request::client_ip::Forwarding;
use crate::http::server::AppOptions;
use crate::http::state::{AppState, MiddlewareServices};
use crate::mail::Mailer;
use crate::rate_limit::client_ip::TrustedProxies;
use crate::telemetry::recent::RecentReadings;
use crate::telemetry::sinks::Sinks;
use crate::telemetry::traces::Traces;

/// Imports that may wait while one runs. Catalogue writers take turns anyway, and a document may
/// need twenty times its length in memory (`model::json` bounds that).
const MAX_WAITING_IMPORTS: usize = 16;
/// Lists whose totals are kept, and lists whose facets are: about 8 kB each.
const MAX_COUNTED_LISTS: usize = 1024;
const MAX_FACETED_LISTS: usize = 256;
/// Exports that are read or sent at a time; more are refused.
const MAX_EXPORTS: usize = 8;
/// Those of one client.
const EXPORTS_PER_CLIENT: usize = 2;

/// The result of [`compose`].
pub(super) struct Composition {
    pub(super) database: Database,
    pub(super) state: web::Data<AppState>,
    pub(super) traces: Traces,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) app_options: AppOptions,
    pub(super) workers: usize,
}

/// Checks the configuration and builds the application state.
///
/// # Errors
/// When the configuration cannot be used.
pub(super) async fn compose(
    config: &Config,
    clock: Clock,
    logger: &Logger,
    sinks: Sinks,
) -> Result<Composition, CommandError> {
    let tokens = build_tokens(config)?;
    check_first_admin(&config.auth)?;
    config_warnings::warn(config, logger)?;
    let database = Box::pin(Database::start(config, Purpose::Service, logger)).await?;
    let mailer = build_mailer(config, database.is_embedded(), logger)?;
    let (db, instruments) = (database.db.clone(), database.instruments.clone());
    let (quotas, proxies, app_options) = rate_limits::from_config(config)?;
    let traces = Traces::start(&config.traces, &instruments.traces, logger);
    let traces = traces.map_err(CommandError::usage)?;
    let workers = config.service.workers.map_or_else(available_cores, usize::from);
    let readiness = Readiness::default();
    let background = BackgroundWork::on_this_thread();
    let keys = ApiKeyCacheHandle::start(
        db.clone(),
        instruments.authentication.clone(),
        logger.new(slog::o!()),
    );
    let state = web::Data::new(AppState {
        db: db.clone(),
        clock: clock.clone(),
        logger: logger.clone(),
        instruments: instruments.clone(),
        access_policy: web::Data::new(access_policy(&config.auth)),
        catalogue: web::Data::new(CatalogueServices {
            db: db.clone(),
            replica: database.replica.as_deref().cloned().map(|replica| {
                ReadReplica::new(replica, instruments.operations.clone(), logger.clone())
            }),
            clock: clock.clone(),
            responses: ResponseCache::new(config.service.cache_max_bytes),
            loads: JoinedLoads::default(),
            totals: ListFacts::new(MAX_COUNTED_LISTS),
            facets: ListFacts::new(MAX_FACETED_LISTS),
            positions: PositionCache::default(),
            pages: PageCache::default(),
            imports: Bulkhead::new(1, MAX_WAITING_IMPORTS),
            exports: ClientPlaces::new(MAX_EXPORTS, EXPORTS_PER_CLIENT),
            feed: FeedListeners::new(config.service.change_streams_max as usize),
            export_reads: Bulkhead::new(1, MAX_EXPORTS),
            import_max_bytes: config.service.import_max_bytes as usize,
            instruments: instruments.clone(),
        }),
        accounts: web::Data::new(AccountServices {
            db: db.clone(),
            clock: clock.clone(),
            tokens,
            hasher: Hasher::new(workers),
            sessions: SessionCache::new(keys.freshness()),
            keys,
            readiness: readiness.clone(),
            instruments: instruments.clone(),
            logger: logger.clone(),
        }),
        mail: web::Data::new(MailServices {
            mailer,
            failures: MailFailureLog::default(),
            background: background.clone(),
            public_url: config.mail.public_url().map_err(CommandError::usage)?,
        }),
        operations: web::Data::new(OperationsServices {
            db: db.clone(),
            clock: clock.clone(),
            readiness: readiness.clone(),
            database_check: DatabaseCheck::default(),
            instruments: instruments.clone(),
            sinks,
            recent: RecentReadings::default(),
            counts_requests: config.metrics.metrics_enabled,
            started: Instant::now(),
        }),
        audit: web::Data::new(AuditQueue::default()),
        rate_limiter: web::Data::new(RateLimiter::new(
            config.limits.rate_limit_enabled,
            quotas,
            instruments.limits.clone(),
        )),
        background,
        data_folder: database.data_folder(),
        middleware: MiddlewareServices {
            forwarding: Forwarding::new(proxies.clone()),
            security_headers: SecurityHeaders {
                enabled: config.http.security_headers_enabled,
                csp: config.http.csp_enabled,
                hsts: config.http.hsts_enabled,
            },
            detached: DetachedRequests::default(),
            tracer: traces.tracer.clone(),
        },
    });
    Ok(Composition { database, state, traces, trusted_proxies: proxies, app_options, workers })
}

fn build_mailer(config: &Config, embedded: bool, logger: &Logger) -> Result<Mailer, CommandError> {
    let from = &config.mail.mail_from;
    let mailer = if let Some(url) = config.mail.server() {
        Mailer::with_smtp(url, from)
    } else if embedded {
        let folder = config.database.data_dir.join("mail");
        crate::embedded::ensure_private_folder(&folder).map_err(CommandError::usage)?;
        slog::debug!(logger, "SMTP_URL is not set: mail is written to a folder";
            "folder" => folder.display().to_string());
        Mailer::with_folder(&folder, from)
    } else {
        slog::warn!(logger, "SMTP_URL is not set; password reset emails are not sent");
        Mailer::disabled(from)
    };
    mailer.map_err(CommandError::usage)
}

fn build_tokens(config: &Config) -> Result<Tokens, CommandError> {
    let auth = &config.auth;
    let with_url = config.database.url().is_some();
    auth.check(with_url).map_err(CommandError::usage)?;
    let (access, refresh) = match auth.secrets() {
        Some((access, refresh)) => (access.clone(), refresh.clone()),
        None if with_url => {
            return Err(CommandError::usage("JWT_SECRET and JWT_REFRESH_SECRET are required"));
        }
        None => {
            let own = EmbeddedSecrets::load_or_create(&config.database.data_dir)
                .map_err(CommandError::usage)?;
            (own.access, own.refresh)
        }
    };
    let lifetimes = Lifetimes {
        access: auth.jwt_access_token_expiry,
        refresh: auth.jwt_refresh_token_expiry,
        session: auth.session_max_age_days.saturating_mul(86_400),
    };
    let (other_access, other_refresh) = auth.also_accepted();
    Ok(Tokens::new(&access, &refresh, lifetimes).also_accepting(other_access, other_refresh))
}

fn check_first_admin(auth: &AuthConfig) -> Result<(), CommandError> {
    let username = crate::model::text::Username::new(&auth.admin_username);
    if username.validate().is_err() || username.as_str() != auth.admin_username {
        return Err(CommandError::usage(
            "ADMIN_USERNAME must be 3 to 50 letters, digits, '-' or '_'",
        ));
    }
    match auth
        .password()
        .and_then(|password| passwords::policy_violation(password, &auth.admin_username, ""))
    {
        Some(flaw) => Err(CommandError::usage(format!("ADMIN_PASSWORD {flaw}"))),
        None => Ok(()),
    }
}

fn access_policy(auth: &AuthConfig) -> AccessPolicy {
    AccessPolicy {
        anonymous_read: auth.anonymous_read,
        registration: auth.registration_enabled,
        require_if_match: auth.require_if_match,
    }
}

fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
