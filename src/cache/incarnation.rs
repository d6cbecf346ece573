//! Incarnations of cached permissions ([`super::permissions`]): the periods in which no
//! invalidation event was missed and the authority epoch only grew. What was cached in an earlier
//! one is doubtful: a change may have been missed since. Each entry holds the incarnation that it
//! was cached in, so that a new one makes all entries doubtful, or removes them, in one step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One incarnation, and until when its entries are confirmed. Times are milliseconds since the
/// start of the process.
#[derive(Debug)]
pub(super) struct Incarnation {
    number: u64,
    /// When the epoch was last confirmed, plus one; 0 for never.
    confirmed: AtomicU64,
}

/// The current incarnation, and which earlier ones still count.
#[derive(Debug)]
pub(super) struct Incarnations {
    current: Mutex<Arc<Incarnation>>,
    /// The number of `current`, readable without its lock.
    number: AtomicU64,
    /// Entries of incarnations before this one are removed.
    removed_before: AtomicU64,
}

impl Incarnation {
    /// Returns when the epoch was last confirmed in this incarnation.
    pub(super) fn confirmed_at(&self) -> Option<u64> {
        self.confirmed.load(Ordering::Acquire).checked_sub(1)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Default for Incarnations {
    fn default() -> Self {
        let first = Incarnation { number: 0, confirmed: AtomicU64::new(0) };
        Self {
            current: Mutex::new(Arc::new(first)),
            number: AtomicU64::new(0),
            removed_before: AtomicU64::new(0),
        }
    }
}

impl Incarnations {
    /// Returns the current incarnation.
    pub(super) fn current(&self) -> Arc<Incarnation> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the number of the current incarnation.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether entries of this incarnation are removed.
    pub(super) fn is_removed(&self, incarnation: &Incarnation) -> bool {
        incarnation.number < self.removed_before.load(Ordering::Acquire)
    }

    /// Records that the epoch was current at `now`; never moves back.
    pub(super) fn confirm(&self, now: u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.confirmed.fetch_max(now.saturating_add(1), Ordering::AcqRel);
    }

    /// Starts an incarnation and returns its number: all present entries are doubtful.
    pub(super) fn start(&self) -> u64 {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let number = current.number.saturating_add(1);
        // Its entries will be read later than that, so the confirmation holds for them, too.
        let confirmed = AtomicU64::new(current.confirmed.load(Ordering::Acquire));
        *current = Arc::new(Incarnation { number, confirmed });
        self.number.store(number, Ordering::Release);
        number
    }

    /// Removes all present entries.
    pub(super) fn remove_all(&self) {
        self.removed_before.fetch_max(self.start(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also what a lookup inserts after the entries were removed, if it began before.
    #[test]
    fn entries_of_incarnations_before_a_removal_are_removed() {
        let incarnations = Incarnations::default();
        let first = incarnations.current();
        incarnations.start();
        let second = incarnations.current();
        assert!(!incarnations.is_removed(&first) && !incarnations.is_removed(&second));
        incarnations.remove_all();
        assert!(incarnations.is_removed(&first) && incarnations.is_removed(&second));
        assert!(!incarnations.is_removed(&incarnations.current()));
    }
}
