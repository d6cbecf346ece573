//! The public interface of the cache: it reads the table itself and sends messages to the actor for
//! everything else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use chrono::{DateTime, Utc};
use slog::Logger;

use super::actor::{ApiKeyCache, find_key};
use super::error::{KeyError, KeyLookupError};
use super::known_key::KnownKey;
use super::messages::{
    ApplyEpoch, ApplyEvent, FlushLastUsed, Invalidate, LookUpKey, LookupResult, QueueLastUse,
    StopKeyCache,
};
use super::table::{Freshness, KeyLookup, KeyTable};
use crate::actors::db_breaker::DbBreakerHandle;
use crate::credentials::api_keys::KeyHash;
use crate::model::api_keys::is_expired;
use crate::model::authority::{InvalidationEvent, InvalidationScope};
use crate::telemetry::instruments::authentication::{AuthInstruments, KeyLookupOutcome};

/// Longest time that shutdown waits for last uses to be written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Authenticates API keys from the cache. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeyCacheHandle {
    cache: Addr<ApiKeyCache>,
    table: Arc<KeyTable>,
    db: DbBreakerHandle,
    instruments: AuthInstruments,
}

impl ApiKeyCacheHandle {
    /// Starts the actor.
    pub fn start(db: DbBreakerHandle, instruments: AuthInstruments, logger: Logger) -> Self {
        let table = Arc::new(KeyTable::new(Instant::now()));
        let cache =
            ApiKeyCache::new(Arc::clone(&table), db.clone(), instruments.clone(), logger).start();
        Self { cache, table, db, instruments }
    }

    /// Whether the actor runs. Once it has stopped, no key is accepted until the process restarts.
    pub fn is_running(&self) -> bool {
        self.cache.connected()
    }

    /// Returns the key with this hash if it can be used now. `now` is compared with the expiry;
    /// `instant`, of the monotonic clock, decides how fresh the cache is.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn authenticate(
        &self,
        hash: KeyHash,
        now: DateTime<Utc>,
        instant: Instant,
    ) -> Result<Arc<KnownKey>, KeyError> {
        if !self.is_running() {
            return Err(KeyLookupError::Stopped.into());
        }
        let (cached, freshness) = (self.table.get(&hash, instant), self.table.freshness(instant));
        let key = match (cached, freshness) {
            (KeyLookup::Hit(key), Freshness::Fresh) => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Hit);
                key
            }
            (KeyLookup::Negative, Freshness::Fresh) => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Negative);
                return Err(KeyError::Invalid);
            }
            (cached, freshness) => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Miss);
                let result = match &cached {
                    KeyLookup::Changing => find_key(&self.db, hash).await,
                    _ => self.look_up(hash, instant).await,
                };
                // While the key is being changed, a shared lookup may have started before the
                // commit; this request then needs one of its own.
                let result = match result {
                    Ok(Some(key)) if self.table.is_changing(&key) => find_key(&self.db, hash).await,
                    result => result,
                };
                match (result, cached, freshness) {
                    (Ok(found), _, _) => found.ok_or(KeyError::Invalid)?,
                    // While the database is unavailable, the cached key is accepted.
                    (
                        Err(KeyLookupError::Unavailable { .. }),
                        KeyLookup::Hit(key),
                        Freshness::Doubtful,
                    ) => key,
                    (Err(error), _, _) => return Err(error.into()),
                }
            }
        };
        self.check_usable(key, now)
    }

    /// Returns a cached key, without a lookup and without recording a use.
    pub fn peek(&self, hash: &KeyHash, instant: Instant) -> Option<Arc<KnownKey>> {
        match (self.table.get(hash, instant), self.table.freshness(instant)) {
            (_, Freshness::Unknown) => None,
            (KeyLookup::Hit(key), _) => Some(key),
            _ => None,
        }
    }

    /// Whether [`Self::authenticate`] would answer from the cache, or only verify a cached entry.
    pub fn is_cached(&self, hash: &KeyHash, instant: Instant) -> bool {
        match (self.table.get(hash, instant), self.table.freshness(instant)) {
            (_, Freshness::Unknown) => false,
            (KeyLookup::Hit(_), _) | (KeyLookup::Negative, Freshness::Fresh) => true,
            _ => false,
        }
    }

    /// Counts a malformed key, which is refused without a lookup.
    pub fn count_malformed(&self) {
        self.instruments.count_key_lookup(KeyLookupOutcome::Malformed);
    }

    fn check_usable(
        &self,
        key: Arc<KnownKey>,
        now: DateTime<Utc>,
    ) -> Result<Arc<KnownKey>, KeyError> {
        if key.authority.ended {
            return Err(KeyError::Invalid);
        }
        if is_expired(key.authority.expires_at, now) {
            return Err(KeyError::Expired);
        }
        if key.last_use.record(now) {
            self.cache.do_send(QueueLastUse(Arc::clone(&key.last_use)));
        }
        Ok(key)
    }

    async fn look_up(&self, hash: KeyHash, instant: Instant) -> LookupResult {
        self.cache.send(LookUpKey { hash, instant }).await.unwrap_or(Err(KeyLookupError::Stopped))
    }

    /// Marks the start of a transaction that revokes or reduces permissions. Until
    /// [`Self::end_change`], hits of its keys are verified in the database.
    pub fn begin_change(&self, scope: InvalidationScope) {
        self.table.begin_change(scope);
    }

    /// Marks the end of that transaction. If it may have changed anything, invalidate first.
    pub fn end_change(&self, scope: InvalidationScope) {
        self.table.end_change(scope);
    }

    /// Invalidates after a change made by this process. When this returns, no request is accepted
    /// here on the basis of older data.
    pub async fn invalidate(&self, scope: InvalidationScope) {
        if self.cache.send(Invalidate(scope)).await.is_err() {
            self.table.invalidate(InvalidationScope::All);
        }
    }

    /// Invalidates without waiting, for use in `Drop`: the table now, and the lookups in progress
    /// by a message.
    pub fn invalidate_now(&self, scope: InvalidationScope) {
        self.table.invalidate(scope);
        self.cache.do_send(Invalidate(scope));
    }

    /// Applies an invalidation event of the database. Returns the scope that was invalidated:
    /// everything if an earlier event was missed.
    pub async fn apply_event(&self, event: InvalidationEvent, now: Instant) -> InvalidationScope {
        let applied = self.cache.send(ApplyEvent(event, now)).await.ok().flatten();
        applied.unwrap_or_else(|| {
            self.table.invalidate(InvalidationScope::All);
            InvalidationScope::All
        })
    }

    /// Returns the epoch up to which all changes are applied. Read it before polling the database
    /// for its epoch.
    pub fn applied_epoch(&self) -> Option<i64> {
        self.table.applied_epoch()
    }

    /// Applies an epoch that was polled at `polled_at`, when `applied` was the applied epoch.
    /// Returns whether everything was invalidated: a change was missed, or the epoch went back.
    pub async fn apply_epoch(&self, epoch: i64, polled_at: Instant, applied: Option<i64>) -> bool {
        self.cache.send(ApplyEpoch { epoch, polled_at, applied }).await.unwrap_or_else(|_| {
            self.table.invalidate(InvalidationScope::All);
            true
        })
    }

    /// Starts a flush of `last_used_at`. Returns how many keys are queued or being written.
    pub async fn flush_last_used(&self) -> usize {
        self.cache.send(FlushLastUsed).await.unwrap_or(0)
    }

    /// Flushes until all last uses are written, for at most 5 s. Returns how many are not.
    pub async fn drain_last_used(&self) -> usize {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        loop {
            match self.flush_last_used().await {
                0 => return 0,
                left if Instant::now() >= deadline => return left,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Writes all last uses, then stops the actor; no key is accepted afterwards. Returns how many
    /// uses could not be written.
    pub async fn stop(&self) -> usize {
        let left = self.drain_last_used().await;
        let _ = self.cache.send(StopKeyCache).await;
        left
    }
}
