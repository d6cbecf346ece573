//! The only door: plain async methods.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use chrono::{DateTime, Utc};
use slog::Logger;

use super::actor::{Announced, Cache, End, Flush, LookUp, Polled, Used};
use super::rules::Whose;
use super::table::{Recollection, Table, Trust};
use super::usage::Usage;
use crate::actors::db_breaker::{DbBreaker, DbError};
use crate::credentials::api_keys::KeyHash;
use crate::model::api_keys::has_expired;
use crate::model::authority::{Concern, Notice};
use crate::storage::api_keys::authority::Standing;
use crate::telemetry::instruments::authentication::{Authentication, Lookup};

/// How long the service waits for last uses to be written when it stops.
const FLUSHING: Duration = Duration::from_secs(5);
/// When to try again, where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// Knows API keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeyCache {
    cache: Addr<Cache>,
    table: Arc<Table>,
    instruments: Authentication,
}

/// A key that the database knows.
#[derive(Debug)]
pub struct KnownKey {
    /// Whom it stands for, and what it may do.
    pub standing: Standing,
    usage: Arc<Usage>,
}

/// Why a key is not taken.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Unknown, revoked, or its owner may not be here.
    Invalid,
    /// Known, but its time is over.
    Expired,
    /// Not known here, and the database gives no answer.
    Unanswered(Unanswered),
}

/// Why the database gives no answer about a key. Told to all who asked.
#[derive(Clone, Debug)]
pub enum Unanswered {
    /// It is away, too slow or too busy.
    Away {
        /// When to try again.
        retry_after: Duration,
        /// For the log.
        cause: Option<String>,
    },
    /// A fault of ours.
    Fault {
        /// For the log.
        cause: String,
    },
}

impl Unanswered {
    /// It was not even asked.
    pub(super) fn lost() -> Self {
        Self::Away { retry_after: SOON, cause: None }
    }
}

impl From<DbError> for Unanswered {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable { retry_after } => Self::Away { retry_after, cause: None },
            DbError::Failed { cause } | DbError::UnknownOutcome { cause } => {
                Self::Away { retry_after: SOON, cause: Some(cause) }
            }
            DbError::Storage(error) => Self::Fault { cause: error.to_string() },
        }
    }
}

impl KnownKey {
    pub(super) fn of(standing: Standing) -> Self {
        Self { usage: Arc::new(Usage::of(standing.key_id)), standing }
    }

    pub(super) fn whose(&self) -> Whose {
        Whose { key_id: self.standing.key_id, user_id: self.standing.owner.user_id }
    }
}

impl ApiKeyCache {
    /// Starts the actor. `alone` where no other process can use the database: then nothing changes that is not told here.
    pub fn start(db: DbBreaker, instruments: Authentication, alone: bool, logger: Logger) -> Self {
        let table = Arc::new(Table::new(Instant::now(), alone));
        let cache = Cache::new(Arc::clone(&table), db, instruments.clone(), logger).start();
        Self { cache, table, instruments }
    }

    /// Whom a key stands for, if it can be used now: `now` by the clock that expiries are written in, `instant` by the one
    /// that tells how old a memory is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn authenticate(
        &self,
        hash: KeyHash,
        now: DateTime<Utc>,
        instant: Instant,
    ) -> Result<Arc<KnownKey>, Refusal> {
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
                match (self.look_up(hash, instant).await, remembered, trust) {
                    (Ok(found), _, _) => found.ok_or(Refusal::Invalid)?,
                    // What it said last counts while the database is away.
                    (Err(Unanswered::Away { .. }), Recollection::Known(key), Trust::Doubtful) => key,
                    (Err(why), _, _) => return Err(Refusal::Unanswered(why)),
                }
            }
        };
        self.judge(key, now)
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

    async fn look_up(&self, hash: KeyHash, instant: Instant) -> Result<Option<Arc<KnownKey>>, Unanswered> {
        self.cache.send(LookUp { hash, instant }).await.unwrap_or_else(|_| Err(Unanswered::lost()))
    }

    /// Authority has ended or changed, by a change that this process has just made: when this returns, no request is let in
    /// here by what was before.
    pub async fn end(&self, concern: Concern) {
        // The actor lives as long as the System.
        let _ = self.cache.send(End(concern)).await;
    }

    /// The database announces a change. Returns whom it concerns: everybody, if an earlier announcement was missed.
    pub async fn announced(&self, notice: Notice, now: Instant) -> Concern {
        self.cache.send(Announced(notice, now)).await.ok().flatten().unwrap_or(Concern::All)
    }

    /// The epoch, asked for at `asked`. Returns whether a change was missed; then everything was forgotten.
    pub async fn polled(&self, epoch: i64, asked: Instant) -> bool {
        self.cache.send(Polled(epoch, asked)).await.unwrap_or(true)
    }

    /// Has last uses written. Returns how many keys wait for it still.
    pub async fn flush(&self) -> usize {
        self.cache.send(Flush).await.unwrap_or(0)
    }

    /// Writes all last uses, for as long as that may take when the service stops. Returns how many could not be written.
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
}
