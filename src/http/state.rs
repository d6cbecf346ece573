//! What every handler can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slog::Logger;

use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::actors::db_breaker::DbBreakerHandle;
use crate::bulkhead::Bulkhead;
use crate::cache::responses::Answers;
use crate::cache::sessions::Callers;
use crate::clock::Clock;
use crate::credentials::hasher::Hasher;
use crate::credentials::tokens::Tokens;
use crate::http::auditing::Audit;
use crate::http::database_check::DatabaseCheck;
use crate::http::invalidation::Invalidation;
use crate::http::middleware::run_to_end::Detached;
use crate::http::middleware::security::SecurityHeaders;
use crate::http::rate_limit::Limits;
use crate::http::request::client_ip::Forwarding;
use crate::mail::Mailer;
use crate::model::authority::Concern;
use crate::storage::users::Account;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::sinks::Sinks;

/// What every handler can reach.
#[derive(Debug)]
pub struct AppState {
    pub db: DbBreakerHandle,
    /// The last good answers of the catalogue.
    pub answers: Answers,
    /// Who was let in lately.
    pub callers: Callers<Account>,
    /// The audit log, as far as requests fill it.
    pub audit: Audit,
    /// Known API keys.
    pub keys: ApiKeyCacheHandle,
    /// What Prometheus reads.
    pub instruments: Instruments,
    /// Where log events end up.
    pub sinks: Sinks,
    /// Issues and checks tokens.
    pub tokens: Tokens,
    pub mailer: Mailer,
    /// Where clients reach this service, if it is known.
    pub public_url: Option<String>,
    pub hasher: Hasher,
    /// Imports take turns.
    pub imports: Bulkhead,
    /// The largest import, in bytes.
    pub import_max_bytes: usize,
    pub clock: Clock,
    /// How much is too much.
    pub limits: Limits,
    /// Which proxies are believed.
    pub forwarding: Forwarding,
    /// What browsers are told.
    pub security_headers: SecurityHeaders,
    /// What the operator has decided.
    pub policy: Policy,
    /// Whether the service can do its work.
    pub readiness: Readiness,
    /// Whether the database answers, for `/health/ready`.
    pub database_check: DatabaseCheck,
    /// Writes that run on although their clients have gone.
    pub detached: Detached,
    /// For what belongs to no request.
    pub logger: Logger,
    /// When the process began to serve.
    pub started: Instant,
}

/// How soon after its preparation the database is asked for the first time.
const SOON: Duration = Duration::from_millis(10);

impl AppState {
    /// Waits until there is something to ask the database; but then at once, because nothing that
    /// is remembered counts before.
    pub async fn prepared(&self) {
        while !self.readiness.is_prepared() {
            tokio::time::sleep(SOON).await;
        }
    }

    /// A change that ends or shrinks authority is about to be made: see [`Invalidation`].
    pub fn invalidation(&self, concern: Concern) -> Invalidation {
        Invalidation::new(self.callers.clone(), self.keys.clone(), concern)
    }

    /// Somebody's authority has ended or changed, by a change that was just committed here: when
    /// this returns, nothing that this process remembers lets anybody in by what was before.
    pub async fn end(&self, concern: Concern) {
        self.callers.end(concern);
        self.keys.end(concern).await;
    }
}

/// What the operator has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Anyone may read the catalogue.
    pub anonymous_read: bool,
    /// Anyone may register.
    pub registration: bool,
    /// A change must name the version that it changes.
    pub require_if_match: bool,
}

/// Whether the service can do its work.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    prepared: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

impl Readiness {
    /// The database was reached and prepared.
    pub fn prepared(&self) {
        self.prepared.store(true, Ordering::SeqCst);
    }

    /// The service is about to stop.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether the database was ever reached and prepared.
    pub fn is_prepared(&self) -> bool {
        self.prepared.load(Ordering::SeqCst)
    }

    /// Whether the service is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
