//! A cache of authenticated sessions, so that a valid access token costs no statement, and keeps
//! working while the database is unavailable. How far an entry can be trusted is decided by
//! [`super::permissions`], as for API keys. Invalidations come from `http::invalidation` and from
//! the listener in `app::service::invalidation`.
//!
//! A lookup takes a [`SessionRead`] before it asks the database. Its result is cached only if no
//! invalidation since then covers the session, and under the incarnation in which it began.
//!
//! It also records which sessions are known to have ended, or may have, for tokens that are
//! accepted without a lookup (`http::extract::circuit_admin`).

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use uuid::Uuid;

use self::log::InvalidationLog;
use super::permissions::{PermissionFreshness, Trust, VerifiedAt};
use crate::model::authority::InvalidationScope;

mod log;

/// Maximum number of cached sessions, and of ended ones.
const MAX_SESSIONS: usize = 10_000;

/// The user and the token family of a session.
pub type SessionKey = (Uuid, Uuid);

/// A cache of sessions; `T` is what the database returned for one.
#[derive(Clone)]
pub struct SessionCache<T: Clone + Send + Sync + 'static> {
    freshness: Arc<PermissionFreshness>,
    entries: Arc<Cache<SessionKey, Confirmed<T>>>,
    /// Sessions that the database did not confirm.
    ended: Arc<Cache<SessionKey, ()>>,
    log: Arc<InvalidationLog>,
}

/// What the database returned, and when.
#[derive(Clone)]
struct Confirmed<T> {
    value: T,
    verification: VerifiedAt,
}

/// What is cached for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup<T> {
    /// As good as the database's answer.
    Fresh(T),
    /// To be verified in the database; usable only while that is unavailable.
    Doubtful(T),
    /// A transaction is changing the user or its sessions, so only the database knows their state.
    Changing,
    Miss,
}

/// The moment at which a lookup began.
#[derive(Clone, Debug)]
pub struct SessionRead {
    /// The number of invalidations until then.
    epoch: u64,
    verification: VerifiedAt,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for SessionCache<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionCache").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> SessionCache<T> {
    /// Makes an empty cache, whose entries are as fresh as this says.
    pub fn new(freshness: Arc<PermissionFreshness>) -> Self {
        Self {
            freshness,
            entries: Arc::new(Cache::new(MAX_SESSIONS)),
            ended: Arc::new(Cache::new(MAX_SESSIONS)),
            log: Arc::default(),
        }
    }

    /// Returns what the database last returned for a session.
    pub fn get(&self, session: SessionKey, now: Instant) -> SessionLookup<T> {
        let changes = self.freshness.changes();
        let Some(Confirmed { value, verification }) = self.entries.get(&session) else {
            return SessionLookup::Miss;
        };
        match self.freshness.judge(&verification, now) {
            Trust::Expired => SessionLookup::Miss,
            _ if changes.any(|scope| scope.affects_sessions_of(session.0)) => {
                SessionLookup::Changing
            }
            Trust::Fresh => SessionLookup::Fresh(value),
            Trust::Doubtful => SessionLookup::Doubtful(value),
        }
    }

    /// Returns the number of invalidations so far.
    pub fn epoch(&self) -> u64 {
        self.log.count()
    }

    /// Marks the start of a lookup, before it asks the database.
    pub fn begin_lookup(&self, now: Instant) -> SessionRead {
        // The incarnation first: what belongs to a later one was read after its beginning.
        let verification = self.freshness.verification(now);
        SessionRead { epoch: self.epoch(), verification }
    }

    /// Caches the result of a lookup, unless an invalidation since its start covers the session.
    /// Returns whether it was cached; otherwise it may be outdated. Invalidations of other users do
    /// not matter.
    pub fn insert(&self, session: SessionKey, value: T, start: SessionRead) -> bool {
        let SessionRead { epoch, verification } = start;
        self.entries.insert(session, Confirmed { value, verification });
        // Checked after the insertion, because `invalidate` logs first and removes entries then:
        // one of the two sees the other.
        let is_current = self.epoch() == epoch || !self.log.may_affect(session.0, epoch);
        if is_current {
            self.ended.remove(&session);
        } else {
            self.entries.remove(&session);
        }
        is_current
    }

    /// Removes a session that the database did not confirm, and records that it has ended.
    pub fn remove(&self, session: SessionKey) {
        self.entries.remove(&session);
        self.ended.insert(session, ());
    }

    /// Removes the sessions in `scope`, also those whose lookups are under way.
    pub fn invalidate(&self, scope: InvalidationScope, now: DateTime<Utc>) {
        if matches!(scope, InvalidationScope::Key(_)) {
            return;
        }
        self.log.push(scope, now);
        self.entries.retain(|session, _| !scope.affects_sessions_of(session.0));
    }

    /// Whether a session is known to have ended, or may have: an invalidation covers its user that
    /// is not older than its access token, which was issued at `issued_at`.
    pub fn may_have_ended(&self, session: SessionKey, issued_at: DateTime<Utc>) -> bool {
        self.ended.contains_key(&session) || self.log.affects_since(session.0, issued_at)
    }
}

#[cfg(test)]
mod tests;
