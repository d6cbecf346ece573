//! A cache of authenticated sessions, so that valid access tokens keep working while the database
//! is unavailable. It is not read while the database is available: each entry is doubtful from the
//! start, so that a new incarnation (`actors::api_key_cache`) changes nothing here. Invalidations
//! come from `http::invalidation` and from the listener in `app::service::invalidation`.
//!
//! It also records which sessions are known to have ended, or may have, for tokens that are
//! accepted without a lookup (`http::extract::circuit_admin`).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::model::authority::InvalidationScope;

/// Maximum number of cached sessions, and of ended ones.
const MAX_SESSIONS: usize = 10_000;
/// How long an entry is used after the database confirmed the session.
const MAX_AGE: Duration = Duration::from_hours(1);
/// Size of the invalidation log. A lookup that overlaps more invalidations than this is not
/// cached.
const MAX_LOGGED: usize = 1024;

/// The user and the token family of a session.
type SessionKey = (Uuid, Uuid);

/// A cache of sessions; `T` is what the database returned for one.
#[derive(Clone)]
pub struct SessionCache<T: Clone + Send + Sync + 'static> {
    entries: Arc<Cache<SessionKey, Confirmed<T>>>,
    /// Sessions that the database did not confirm.
    ended: Arc<Cache<SessionKey, ()>>,
    log: Arc<InvalidationLog>,
}

/// What the database returned, and when.
#[derive(Clone)]
struct Confirmed<T> {
    value: Arc<T>,
    at: Instant,
}

/// The latest invalidations, for lookups that overlap them.
#[derive(Default)]
struct InvalidationLog {
    /// Number of invalidations since the start; changes only while `latest` is locked.
    count: AtomicU64,
    latest: Mutex<LatestInvalidations>,
}

#[derive(Default)]
struct LatestInvalidations {
    /// The newest last.
    scopes: VecDeque<(InvalidationScope, DateTime<Utc>)>,
    /// The latest time of those that are no longer in `scopes`.
    dropped_at: Option<DateTime<Utc>>,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for SessionCache<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionCache").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Default for SessionCache<T> {
    fn default() -> Self {
        Self {
            entries: Arc::new(Cache::new(MAX_SESSIONS)),
            ended: Arc::new(Cache::new(MAX_SESSIONS)),
            log: Arc::default(),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> SessionCache<T> {
    /// Returns what the database last returned for a session.
    pub fn get(&self, session: SessionKey) -> Option<Arc<T>> {
        let confirmed = self.entries.get(&session)?;
        (confirmed.at.elapsed() < MAX_AGE).then_some(confirmed.value)
    }

    /// Returns the number of invalidations so far. A lookup takes it before it asks the database.
    pub fn epoch(&self) -> u64 {
        self.log.count.load(Ordering::SeqCst)
    }

    /// Caches the result of a lookup that began at `epoch`, unless an invalidation since then
    /// covers this session. Invalidations of other users do not matter.
    pub fn insert(&self, session: SessionKey, value: T, epoch: u64) {
        self.entries.insert(session, Confirmed { value: Arc::new(value), at: Instant::now() });
        // Checked after the insertion, because `invalidate` logs first and removes entries then:
        // one of the two sees the other.
        if self.epoch() != epoch && self.log.may_affect(session.0, epoch) {
            self.entries.remove(&session);
        } else {
            self.ended.remove(&session);
        }
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

impl InvalidationLog {
    fn push(&self, scope: InvalidationScope, now: DateTime<Utc>) {
        let mut latest = self.lock();
        if latest.scopes.len() == MAX_LOGGED
            && let Some((_, at)) = latest.scopes.pop_front()
        {
            latest.dropped_at = latest.dropped_at.max(Some(at));
        }
        latest.scopes.push_back((scope, now));
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether an invalidation since `epoch` covers this user's sessions, or may have: it may if
    /// the log does not go back that far.
    fn may_affect(&self, user_id: Uuid, epoch: u64) -> bool {
        let scopes = &self.lock().scopes;
        let since = self.count.load(Ordering::SeqCst).saturating_sub(epoch);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        since > scopes.len()
            || scopes.iter().rev().take(since).any(|(scope, _)| scope.affects_sessions_of(user_id))
    }

    /// The same since a time.
    fn affects_since(&self, user_id: Uuid, since: DateTime<Utc>) -> bool {
        let latest = self.lock();
        latest.dropped_at.is_some_and(|at| at >= since)
            || latest
                .scopes
                .iter()
                .any(|(scope, at)| *at >= since && scope.affects_sessions_of(user_id))
    }

    fn lock(&self) -> MutexGuard<'_, LatestInvalidations> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
