//! The only door: plain async methods.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use chrono::{DateTime, Utc};
use slog::Logger;

use super::actor::{Announced, ApiKeyCache, End, Flush, LookUp, Polled, Stop, Used, find};
use super::error::{Refusal, Unanswered};
use super::known_key::KnownKey;
use super::table::{Recollection, Table, Trust};
use crate::actors::db_breaker::DbBreakerHandle;
use crate::credentials::api_keys::KeyHash;
use crate::model::api_keys::has_expired;
use crate::model::authority::{Concern, Notice};
use crate::telemetry::instruments::authentication::{Authentication, Lookup};

/// How long the service waits for last uses to be written when it stops.
const FLUSHING: Duration = Duration::from_secs(5);

/// Knows API keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeyCacheHandle {
    cache: Addr<ApiKeyCache>,
    table: Arc<Table>,
    db: DbBreakerHandle,
    instruments: Authentication,
}

impl ApiKeyCacheHandle {
    /// Starts the actor.
    pub fn start(db: DbBreakerHandle, instruments: Authentication, logger: Logger) -> Self {
        let table = Arc::new(Table::new(Instant::now()));
        let cache =
            ApiKeyCache::new(Arc::clone(&table), db.clone(), instruments.clone(), logger).start();
        Self { cache, table, db, instruments }
    }

    /// Whether the actor runs; once it has stopped, no key is accepted until the process is
    /// restarted.
    pub fn is_running(&self) -> bool {
        self.cache.connected()
    }

    /// Whom a key stands for, if it can be used now: `now` by the clock that expiries are written
    /// in, `instant` by the one that tells how old a memory is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn authenticate(
        &self,
        hash: KeyHash,
        now: DateTime<Utc>,
        instant: Instant,
    ) -> Result<Arc<KnownKey>, Refusal> {
        if !self.is_running() {
            return Err(Refusal::Unanswered(Unanswered::stopped()));
        }
        let (remembered, trust) = (self.table.recall(&hash, instant), self.table.trust(instant));
        let key = match (remembered, trust) {
            (Recollection::Known(key), Trust::Fresh) => {
                self.instruments.lookup(Lookup::Hit);
                key
            }
            (Recollection::Unknown, Trust::Fresh) => {
                self.instruments.lookup(Lookup::Negative);
                return Err(Refusal::Invalid);
            }
            (remembered, trust) => {
                self.instruments.lookup(Lookup::Miss);
                let found = match &remembered {
                    Recollection::Changing => find(&self.db, hash).await,
                    _ => self.look_up(hash, instant).await,
                };
                // While the key is being changed, only a lookup of its own will do: one that is
                // shared may have begun before the commit.
                let found = match found {
                    Ok(Some(key)) if self.table.is_changing(&key) => find(&self.db, hash).await,
                    found => found,
                };
                match (found, remembered, trust) {
                    (Ok(found), _, _) => found.ok_or(Refusal::Invalid)?,
                    // What it said last counts while the database is away.
                    (Err(Unanswered::Away { .. }), Recollection::Known(key), Trust::Doubtful) => {
                        key
                    }
                    (Err(why), _, _) => return Err(Refusal::Unanswered(why)),
                }
            }
        };
        self.judge(key, now)
    }

    /// What the cache knows of a key, without a lookup and without noting a use.
    pub fn peek(&self, hash: &KeyHash, instant: Instant) -> Option<Arc<KnownKey>> {
        match (self.table.recall(hash, instant), self.table.trust(instant)) {
            (_, Trust::None) => None,
            (Recollection::Known(key), _) => Some(key),
            _ => None,
        }
    }

    /// Whether [`Self::authenticate`] would answer from the cache, or check an entry that it knows.
    pub fn is_cached(&self, hash: &KeyHash, instant: Instant) -> bool {
        match (self.table.recall(hash, instant), self.table.trust(instant)) {
            (_, Trust::None) => false,
            (Recollection::Known(_), _) | (Recollection::Unknown, Trust::Fresh) => true,
            _ => false,
        }
    }

    /// A key that is no key was refused without being looked up.
    pub fn malformed(&self) {
        self.instruments.lookup(Lookup::Malformed);
    }

    fn judge(&self, key: Arc<KnownKey>, now: DateTime<Utc>) -> Result<Arc<KnownKey>, Refusal> {
        if key.standing.ended {
            return Err(Refusal::Invalid);
        }
        if has_expired(key.standing.expires_at, now) {
            return Err(Refusal::Expired);
        }
        if key.usage.note(now) {
            self.cache.do_send(Used(Arc::clone(&key.usage)));
        }
        Ok(key)
    }

    async fn look_up(
        &self,
        hash: KeyHash,
        instant: Instant,
    ) -> Result<Option<Arc<KnownKey>>, Unanswered> {
        self.cache
            .send(LookUp { hash, instant })
            .await
            .unwrap_or_else(|_| Err(Unanswered::stopped()))
    }

    /// A transaction begins that ends or shrinks authority: until [`ApiKeyCacheHandle::settle`]
    /// hits of its keys are checked in the database.
    pub fn begin(&self, concern: Concern) {
        self.table.begin(concern);
    }

    /// That transaction has ended, and was followed by an invalidation if it may have changed
    /// anything.
    pub fn settle(&self, concern: Concern) {
        self.table.settle(concern);
    }

    /// Authority has ended or changed, by a change that this process has just made: when this
    /// returns, no request is let in here by what was before.
    pub async fn end(&self, concern: Concern) {
        if self.cache.send(End(concern)).await.is_err() {
            self.table.forget(Concern::All);
        }
    }

    /// The same without waiting, for where nothing can wait: the table is emptied at once, and
    /// again by the actor, together with what lookups under way bring back.
    pub fn end_now(&self, concern: Concern) {
        self.table.forget(concern);
        self.cache.do_send(End(concern));
    }

    /// The database announces a change. Returns whom it concerns: everybody, if an earlier
    /// announcement was missed.
    pub async fn announced(&self, notice: Notice, now: Instant) -> Concern {
        let applied = self.cache.send(Announced(notice, now)).await.ok().flatten();
        applied.unwrap_or_else(|| {
            self.table.forget(Concern::All);
            Concern::All
        })
    }

    /// The epoch up to which every change was applied; to be read before the database is asked for
    /// its own.
    pub fn epoch(&self) -> Option<i64> {
        self.table.applied()
    }

    /// The epoch, asked for at `asked`, when `known` was applied. Returns whether everything was
    /// invalidated: a change was missed, or the counter went back.
    pub async fn polled(&self, epoch: i64, asked: Instant, known: Option<i64>) -> bool {
        self.cache.send(Polled { epoch, asked, known }).await.unwrap_or_else(|_| {
            self.table.forget(Concern::All);
            true
        })
    }

    /// Has last uses written. Returns how many keys wait for it still.
    pub async fn flush(&self) -> usize {
        self.cache.send(Flush).await.unwrap_or(0)
    }

    /// Writes all last uses, for as long as that may take when the service stops. Returns how many
    /// could not be written.
    pub async fn close(&self) -> usize {
        let until = Instant::now() + FLUSHING;
        loop {
            match self.flush().await {
                0 => return 0,
                left if Instant::now() >= until => return left,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Writes all last uses, then stops the actor; from here on no key is accepted. Returns how
    /// many could not be written.
    pub async fn stop(&self) -> usize {
        let left = self.close().await;
        let _ = self.cache.send(Stop).await;
        left
    }
}
