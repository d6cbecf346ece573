//! Who was let in lately, so that valid tokens keep working while the database is away. Never asked
//! while it is there.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use crate::model::authority::Concern;

/// The most that are remembered.
const MAX_CALLERS: u64 = 10_000;
/// For how long, after the database last vouched for them.
const MAX_AGE: Duration = Duration::from_hours(1);
/// How many of the last ends are known by whom they concern; a caller who was asked about for
/// longer than that is not remembered.
const MAX_ENDS: usize = 1024;

/// The memory; `T` is what the database says of a caller. A log-in is known by its user and its
/// session.
#[derive(Clone)]
pub struct Callers<T: Clone + Send + Sync + 'static> {
    known: Cache<(Uuid, Uuid), T>,
    ends: Arc<Ends>,
}

/// Whose authority has ended lately.
#[derive(Default)]
struct Ends {
    /// How many there have been; grows while `last` is held.
    count: AtomicU64,
    /// The last of them, latest last.
    last: Mutex<VecDeque<Concern>>,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for Callers<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Callers").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Default for Callers<T> {
    fn default() -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_CALLERS)
            .time_to_live(MAX_AGE)
            .support_invalidation_closures();
        Self { known: known.build(), ends: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Callers<T> {
    /// What the database last said.
    pub fn recall(&self, log_in: (Uuid, Uuid)) -> Option<T> {
        self.known.get(&log_in)
    }

    /// How often somebody's authority has ended; to be asked before the database is.
    pub fn epoch(&self) -> u64 {
        self.ends.count.load(Ordering::SeqCst)
    }

    /// The database vouched for this caller, asked at `epoch`. If this caller's authority may have
    /// ended meanwhile, nothing is remembered; that somebody else's did is no reason to lose this
    /// one in the outage that may follow.
    pub fn remember(&self, log_in: (Uuid, Uuid), caller: T, epoch: u64) {
        self.known.insert(log_in, caller);
        // After the insertion, because whoever ends something notes it first and forgets then.
        if self.epoch() != epoch && self.ends.may_concern(log_in.0, epoch) {
            self.forget(log_in);
        }
    }

    /// The database did not vouch for it.
    pub fn forget(&self, log_in: (Uuid, Uuid)) {
        self.known.invalidate(&log_in);
    }

    /// Somebody's authority has ended or shrunk: whom it concerns is asked about anew.
    pub fn end(&self, concern: Concern) {
        self.ends.note(concern);
        match concern {
            Concern::Key(_) => {}
            Concern::User(user_id) | Concern::Sessions(user_id) => {
                // Fails only where it is not supported, which it is.
                let _ = self.known.invalidate_entries_if(move |(of, _), _| *of == user_id);
            }
            Concern::All => self.known.invalidate_all(),
        }
    }
}

impl Ends {
    fn note(&self, concern: Concern) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == MAX_ENDS {
            last.pop_front();
        }
        last.push_back(concern);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether this user's log-ins may have ended since `epoch`.
    fn may_concern(&self, user_id: Uuid, epoch: u64) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.count.load(Ordering::SeqCst).saturating_sub(epoch);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        since > last.len()
            || last.iter().rev().take(since).any(|concern| concern.is_about_log_ins_of(user_id))
    }
}

#[cfg(test)]
mod tests;
