//! The services that handlers ask for, each registered as `web::Data` of its own, so that a
//! handler's parameters show what it uses. `http::state` composes them; what belongs to the
//! middleware stays there.

use std::sync::Arc;
use std::time::Instant;

use slog::Logger;

use super::background_work::BackgroundWork;
use super::cached_response::CachedResponse;
use super::client_places::ClientPlaces;
use super::database_check::DatabaseCheck;
use super::error::ApiError;
use super::feed_listeners::FeedListeners;
use super::invalidation::Invalidation;
use super::mail_failures::MailFailureLog;
use super::read_replica::ReadReplica;
use super::readiness::Readiness;
use crate::actors::api_key_cache::ApiKeyCacheHandle;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle, DbError};
use crate::bulkhead::Bulkhead;
use crate::cache::joined_loads::JoinedLoads;
use crate::cache::list_facts::ListFacts;
use crate::cache::pages::PageCache;
use crate::cache::positions::PositionCache;
use crate::cache::responses::{CachedEntry, CatalogueEpoch, ResponseCache};
use crate::cache::sessions::SessionCache;
use crate::clock::Clock;
use crate::credentials::hasher::Hasher;
use crate::credentials::tokens::Tokens;
use crate::mail::Mailer;
use crate::model::authority::{InvalidationEvent, InvalidationScope};
use crate::storage::metrics::FacetValue;
use crate::storage::sessions::LiveSession;
use crate::storage::{AsyncPgConnection, StorageError};
use crate::telemetry::instruments::Instruments;
use crate::telemetry::recent::RecentReadings;
use crate::telemetry::sinks::Sinks;

/// Reads and changes the catalogue.
#[derive(Debug)]
pub struct CatalogueServices {
    pub db: DbBreakerHandle,
    /// A standby for reads.
    pub replica: Option<ReadReplica>,
    pub clock: Clock,
    /// Cached responses, also the fallback while the database is unavailable.
    pub responses: ResponseCache<CachedResponse>,
    /// Reads of stale responses that are under way.
    pub loads: JoinedLoads<CatalogueEpoch, Result<CachedEntry<CachedResponse>, ApiError>>,
    /// Totals of filtered lists.
    pub totals: ListFacts<i64>,
    /// The values of their facets, for the pages.
    pub facets: ListFacts<Arc<[FacetValue]>>,
    /// Places of items in lists, so that the next page is found from the one before.
    pub positions: PositionCache,
    /// Pages as they were seen last, for outages.
    pub pages: PageCache,
    /// Bounds imports: one runs, a few wait.
    pub imports: Bulkhead,
    /// Bounds exports that are being read or sent.
    pub exports: ClientPlaces,
    /// The clients that listen to changes.
    pub feed: FeedListeners,
    /// Bounds exports that are being read; the others wait.
    pub export_reads: Bulkhead,
    /// Size limit of an import's body, in bytes.
    pub import_max_bytes: usize,
    pub instruments: Instruments,
}

impl CatalogueServices {
    /// Runs a read of the catalogue: on the standby if there is one that has all that this process
    /// knows of, else on the primary. After a failed attempt on the standby `work` runs again.
    ///
    /// # Errors
    /// Those of the primary, see [`DbError`].
    pub async fn read<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        if let Some(replica) = &self.replica {
            let known = self.responses.epochs.certain_number(Instant::now());
            let read = Box::pin(replica.read(known, (circuit, operation), &work));
            if let Some(value) = read.await {
                return Ok(value);
            }
        }
        self.db.run(circuit, operation, work).await
    }
}

/// Manages users, sessions and API keys.
#[derive(Debug)]
pub struct AccountServices {
    pub db: DbBreakerHandle,
    pub clock: Clock,
    pub tokens: Tokens,
    pub hasher: Hasher,
    pub sessions: SessionCache<LiveSession>,
    pub keys: ApiKeyCacheHandle,
    pub readiness: Readiness,
    pub instruments: Instruments,
    pub logger: Logger,
}

impl AccountServices {
    /// Prepares the invalidation of a change that ends or narrows permissions; see
    /// [`Invalidation`].
    pub fn invalidation(&self, scope: InvalidationScope) -> Invalidation {
        Invalidation::new(self.sessions.clone(), self.keys.clone(), self.clock.clone(), scope)
    }

    /// Invalidates cached sessions and API keys after a committed change. When this returns, this
    /// process accepts nothing that was cached before.
    pub async fn invalidate(&self, scope: InvalidationScope) {
        self.sessions.invalidate(scope, self.clock.now());
        self.keys.invalidate(scope).await;
    }

    /// Applies an invalidation event of the database.
    pub async fn apply_event(&self, event: InvalidationEvent, now: Instant) {
        // Before its epoch counts as applied.
        self.sessions.invalidate(event.scope, self.clock.now());
        if self.keys.apply_event(event, now).await {
            self.sessions.invalidate(InvalidationScope::All, self.clock.now());
        }
    }
}

/// Sends mails to users.
#[derive(Debug)]
pub struct MailServices {
    pub mailer: Mailer,
    pub failures: MailFailureLog,
    /// Sends mails after the response.
    pub background: BackgroundWork,
    /// The address at which clients reach this service, if the operator has set it.
    pub public_url: Option<String>,
}

/// Reports health and exposes metrics and circuits to operators.
#[derive(Debug)]
pub struct OperationsServices {
    pub db: DbBreakerHandle,
    pub clock: Clock,
    pub readiness: Readiness,
    pub database_check: DatabaseCheck,
    pub instruments: Instruments,
    pub sinks: Sinks,
    /// What happened in the last quarter of an hour.
    pub recent: RecentReadings,
    /// Whether requests are counted.
    pub counts_requests: bool,
    /// Start of the process, for its uptime.
    pub started: Instant,
}

/// The operator's decisions about access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Allows reads of the catalogue without credentials.
    pub anonymous_read: bool,
    /// Allows clients to register users.
    pub registration: bool,
    /// Requires `If-Match` on changes.
    pub require_if_match: bool,
}
