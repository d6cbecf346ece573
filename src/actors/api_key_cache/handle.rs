//! The public interface of the cache: it reads the table itself and sends messages to the actor for
//! everything else.

use std::net::IpAddr;
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
    StartIncarnation, StopKeyCache,
};
use super::table::{KeyLookup, KeyTable};
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::cache::permissions::PermissionFreshness;
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

    /// Returns the key with this hash if it can be used now, and records its use by this client.
    /// `now` is compared with the expiry; `instant`, of the monotonic clock, decides how fresh the
    /// cache is.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn authenticate(
        &self,
        hash: KeyHash,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
        instant: Instant,
    ) -> Result<Arc<KnownKey>, KeyError> {
        if !self.is_running() {
            return Err(KeyLookupError::Stopped.into());
        }
        let key = match self.table.get(&hash, instant) {
            KeyLookup::Fresh(key) => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Hit);
                key
            }
            KeyLookup::Negative => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Negative);
                return Err(KeyError::Invalid);
            }
            cached => {
                self.instruments.count_key_lookup(KeyLookupOutcome::Miss);
                let is_changing = matches!(cached, KeyLookup::Changing);
                self.verify(hash, is_changing, instant).await?
            }
        };
        check_usable(&key, now)?;
        self.record_use(&key, client, now);
        Ok(key)
    }

    /// Returns the key with this hash if [`Self::authenticate`] would accept it without a lookup.
    /// Records nothing; [`Self::record_hit`] does.
    pub fn fresh(
        &self,
        hash: &KeyHash,
        now: DateTime<Utc>,
        instant: Instant,
    ) -> Option<Arc<KnownKey>> {
        match self.table.get(hash, instant) {
            KeyLookup::Fresh(key) if self.is_running() => {
                check_usable(&key, now).is_ok().then_some(key)
            }
            _ => None,
        }
    }

    /// Counts a hit of the cache, and records the use of its key by this client.
    pub fn record_hit(&self, key: &KnownKey, client: Option<IpAddr>, now: DateTime<Utc>) {
        self.instruments.count_key_lookup(KeyLookupOutcome::Hit);
        self.record_use(key, client, now);
    }

    /// Looks a key up in the database. While that is unavailable or overloaded, a cached entry is
    /// accepted; it is read again then, because it may have been invalidated during the lookup.
    async fn verify(
        &self,
        hash: KeyHash,
        is_changing: bool,
        instant: Instant,
    ) -> Result<Arc<KnownKey>, KeyError> {
        // A lookup that is refused at once does not wait for the actor.
        let result = if is_changing || self.db.is_refusing(Circuit::ApiKeys) {
            find_key(&self.db, hash).await
        } else {
            self.look_up(hash, instant).await
        };
        // While the key is being changed, a shared lookup may have started before the commit; this
        // request then needs one of its own.
        let result = match result {
            Ok(Some(key)) if self.table.is_changing(&key) => find_key(&self.db, hash).await,
            result => result,
        };
        match result {
            Ok(found) => found.ok_or(KeyError::Invalid),
            Err(
                error @ (KeyLookupError::Unavailable { .. } | KeyLookupError::Overloaded { .. }),
            ) => self.peek(&hash, instant).ok_or_else(|| error.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns a cached key, without a lookup and without recording a use. It may be doubtful.
    pub fn peek(&self, hash: &KeyHash, instant: Instant) -> Option<Arc<KnownKey>> {
        match self.table.get(hash, instant) {
            KeyLookup::Fresh(key) | KeyLookup::Doubtful(key) => Some(key),
            KeyLookup::Changing | KeyLookup::Negative | KeyLookup::Miss => None,
        }
    }

    /// Whether [`Self::authenticate`] would answer from the cache, or only verify a cached entry.
    pub fn is_cached(&self, hash: &KeyHash, instant: Instant) -> bool {
        match self.table.get(hash, instant) {
            KeyLookup::Fresh(_) | KeyLookup::Doubtful(_) | KeyLookup::Negative => true,
            KeyLookup::Changing | KeyLookup::Miss => false,
        }
    }

    /// Counts a malformed key, which is refused without a lookup.
    pub fn count_malformed(&self) {
        self.instruments.count_key_lookup(KeyLookupOutcome::Malformed);
    }

    fn record_use(&self, key: &KnownKey, client: Option<IpAddr>, now: DateTime<Utc>) {
        if key.last_use.record(now, client) {
            self.cache.do_send(QueueLastUse(Arc::clone(&key.last_use)));
        }
    }

    async fn look_up(&self, hash: KeyHash, instant: Instant) -> LookupResult {
        self.cache.send(LookUpKey { hash, instant }).await.unwrap_or(Err(KeyLookupError::Stopped))
    }

    /// Marks the start of a transaction that revokes or reduces permissions. Until
    /// [`Self::end_change`], hits of its keys are verified in the database.
    pub fn begin_change(&self, scope: InvalidationScope) {
        self.table.freshness.begin_change(scope);
    }

    /// Marks the end of that transaction. If it may have changed anything, invalidate first.
    pub fn end_change(&self, scope: InvalidationScope) {
        self.table.freshness.end_change(scope);
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

    /// Applies an invalidation event of the database. Returns whether earlier ones were missed: all
    /// keys are invalidated then, and all sessions have to be.
    pub async fn apply_event(&self, event: InvalidationEvent, now: Instant) -> bool {
        let outcome = self.cache.send(ApplyEvent(event, now)).await;
        outcome.unwrap_or_else(|_| self.invalidate_all())
    }

    /// The actor has stopped, so nothing says what was missed.
    fn invalidate_all(&self) -> bool {
        self.table.invalidate(InvalidationScope::All);
        true
    }

    /// Returns the epoch up to which all changes are applied. Read it before polling the database
    /// for its epoch.
    pub fn applied_epoch(&self) -> Option<i64> {
        self.table.applied_epoch()
    }

    /// Applies an epoch that was polled at `polled_at`, when `applied` was the applied epoch.
    /// Returns whether changes were missed, or the epoch went back: all keys are invalidated then,
    /// and all sessions have to be.
    pub async fn apply_epoch(&self, epoch: i64, polled_at: Instant, applied: Option<i64>) -> bool {
        let outcome = self.cache.send(ApplyEpoch { epoch, polled_at, applied }).await;
        outcome.unwrap_or_else(|_| self.invalidate_all())
    }

    /// Starts a new incarnation, because changes may have been missed: every key that is cached, or
    /// being looked up, is verified in the database at its next use. While the database is
    /// unavailable, it is accepted as before.
    pub async fn start_incarnation(&self) {
        if self.cache.send(StartIncarnation).await.is_err() {
            self.table.invalidate(InvalidationScope::All);
        }
    }

    /// Returns the number of the current incarnation.
    pub fn incarnation(&self) -> u64 {
        self.table.freshness.incarnation()
    }

    /// Returns how far cached permissions can be trusted, for the other cache of them
    /// (`cache::sessions`).
    pub fn freshness(&self) -> Arc<PermissionFreshness> {
        Arc::clone(&self.table.freshness)
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

fn check_usable(key: &KnownKey, now: DateTime<Utc>) -> Result<(), KeyError> {
    if key.authority.ended {
        Err(KeyError::Invalid)
    } else if is_expired(key.authority.expires_at, now) {
        Err(KeyError::Expired)
    } else {
        Ok(())
    }
}
