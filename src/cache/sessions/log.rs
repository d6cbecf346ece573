//! The latest invalidations of sessions, for lookups that overlap them, and for tokens that are
//! accepted without a lookup.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::authority::InvalidationScope;

/// Size of the invalidation log. A lookup that overlaps more invalidations than this is not
/// cached.
pub(super) const MAX_LOGGED: usize = 1024;

/// The latest invalidations, for lookups that overlap them.
#[derive(Default)]
pub(super) struct InvalidationLog {
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

impl InvalidationLog {
    /// Returns the number of invalidations so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    pub(super) fn push(&self, scope: InvalidationScope, now: DateTime<Utc>) {
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
    pub(super) fn may_affect(&self, user_id: Uuid, epoch: u64) -> bool {
        let scopes = &self.lock().scopes;
        let since = self.count.load(Ordering::SeqCst).saturating_sub(epoch);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        since > scopes.len()
            || scopes.iter().rev().take(since).any(|(scope, _)| scope.affects_sessions_of(user_id))
    }

    /// The same since a time.
    pub(super) fn affects_since(&self, user_id: Uuid, since: DateTime<Utc>) -> bool {
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
