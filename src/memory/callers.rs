//! Who was let in lately, so that valid tokens keep working while the database is away. Never asked while it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use crate::model::authority::Concern;

/// The most that are remembered.
const MAX_CALLERS: u64 = 10_000;
/// For how long, after the database last vouched for them.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The memory; `T` is what the database says of a caller. A log-in is known by its user and its session.
#[derive(Clone)]
pub struct Callers<T: Clone + Send + Sync + 'static> {
    known: Cache<(Uuid, Uuid), T>,
    /// How often somebody's authority has ended.
    ended: Arc<AtomicU64>,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for Callers<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Callers").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Default for Callers<T> {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(MAX_CALLERS).time_to_live(MAX_AGE).support_invalidation_closures();
        Self { known: known.build(), ended: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Callers<T> {
    /// What the database last said.
    pub fn recall(&self, log_in: (Uuid, Uuid)) -> Option<T> {
        self.known.get(&log_in)
    }

    /// How often somebody's authority has ended; to be asked before the database is.
    pub fn epoch(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// The database vouched for this caller, asked at `epoch`. What ended meanwhile may be this caller's authority: then
    /// nothing is remembered.
    pub fn remember(&self, log_in: (Uuid, Uuid), caller: T, epoch: u64) {
        self.known.insert(log_in, caller);
        // After the insertion, because whoever ends something counts first and forgets then.
        if self.epoch() != epoch {
            self.forget(log_in);
        }
    }

    /// The database did not vouch for it.
    pub fn forget(&self, log_in: (Uuid, Uuid)) {
        self.known.invalidate(&log_in);
    }

    /// Somebody's authority has ended or shrunk: whom it concerns is asked about anew.
    pub fn end(&self, concern: Concern) {
        self.ended.fetch_add(1, Ordering::SeqCst);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_it_concerns_is_forgotten_and_what_was_asked_before_is_not_remembered() {
        let callers = Callers::<&str>::default();
        let (eva, max) = ((Uuid::from_u128(1), Uuid::from_u128(10)), (Uuid::from_u128(2), Uuid::from_u128(20)));
        let before = callers.epoch();
        callers.remember(eva, "eva", before);
        callers.remember(max, "max", before);
        callers.end(Concern::Sessions(eva.0));
        assert_eq!((callers.recall(eva), callers.recall(max)), (None, Some("max")));
        callers.remember(eva, "eva", before);
        assert_eq!(callers.recall(eva), None);
        callers.remember(eva, "eva", callers.epoch());
        callers.end(Concern::All);
        assert_eq!((callers.recall(eva), callers.recall(max)), (None, None));
    }
}
