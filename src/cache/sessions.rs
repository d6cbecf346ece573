//! A cache of authenticated sessions, so that valid access tokens keep working while the database
//! is unavailable. It is not read while the database is available. Invalidations come from
//! `http::invalidation` and from the listener in `app::service::invalidation`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use crate::model::authority::InvalidationScope;

/// Maximum number of cached sessions.
const MAX_SESSIONS: u64 = 10_000;
/// How long an entry is kept after the database confirmed the session.
const MAX_AGE: Duration = Duration::from_hours(1);
/// Size of the invalidation log. A lookup that overlaps more invalidations than this is not
/// cached.
const MAX_LOGGED: usize = 1024;

/// The user and the token family of a session.
type SessionKey = (Uuid, Uuid);

/// A cache of sessions; `T` is what the database returned for one.
#[derive(Clone)]
pub struct SessionCache<T: Clone + Send + Sync + 'static> {
    entries: Cache<SessionKey, T>,
    log: Arc<InvalidationLog>,
}

/// The latest invalidations, for lookups that overlap them.
#[derive(Default)]
struct InvalidationLog {
    /// Number of invalidations since the start; changes only while `latest` is locked.
    count: AtomicU64,
    /// The last invalidations, the newest last.
    latest: Mutex<VecDeque<InvalidationScope>>,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for SessionCache<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionCache").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Default for SessionCache<T> {
    fn default() -> Self {
        let entries = Cache::builder().max_capacity(MAX_SESSIONS).time_to_live(MAX_AGE).build();
        Self { entries, log: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> SessionCache<T> {
    /// Returns what the database last returned for a session.
    pub fn get(&self, session: SessionKey) -> Option<T> {
        self.entries.get(&session)
    }

    /// Returns the number of invalidations so far. A lookup takes it before it asks the database.
    pub fn epoch(&self) -> u64 {
        self.log.count.load(Ordering::SeqCst)
    }

    /// Caches the result of a lookup that began at `epoch`, unless an invalidation since then
    /// covers this session. Invalidations of other users do not matter.
    pub fn insert(&self, session: SessionKey, value: T, epoch: u64) {
        self.entries.insert(session, value);
        // Checked after the insertion, because `invalidate` logs first and removes entries then:
        // one of the two sees the other.
        if self.epoch() != epoch && self.log.may_affect(session.0, epoch) {
            self.remove(session);
        }
    }

    /// Removes a session that the database did not confirm.
    pub fn remove(&self, session: SessionKey) {
        self.entries.invalidate(&session);
    }

    /// Removes the sessions in `scope`, also those whose lookups are under way.
    pub fn invalidate(&self, scope: InvalidationScope) {
        self.log.push(scope);
        if matches!(scope, InvalidationScope::Key(_)) {
            return;
        }
        // One by one: a predicate given to `invalidate_entries_if` would be evaluated by every
        // later `get`, and `invalidate_all` compares timestamps.
        for (session, _) in &self.entries {
            if scope.affects_sessions_of(session.0) {
                self.entries.invalidate(&*session);
            }
        }
    }
}

impl InvalidationLog {
    fn push(&self, scope: InvalidationScope) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == MAX_LOGGED {
            latest.pop_front();
        }
        latest.push_back(scope);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether an invalidation since `epoch` covers this user's sessions, or may have: it may if
    /// the log does not go back that far.
    fn may_affect(&self, user_id: Uuid, epoch: u64) -> bool {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.count.load(Ordering::SeqCst).saturating_sub(epoch);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        since > latest.len()
            || latest.iter().rev().take(since).any(|scope| scope.affects_sessions_of(user_id))
    }
}

#[cfg(test)]
mod tests;
