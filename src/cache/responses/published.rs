//! What readers of the cache compare entries with, published as atomics, so that a hit takes no
//! lock. One writer at a time (`epochs`) raises them; none of them ever goes back.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::model::catalogue_event::ChangedItems;

/// Number of places for changed items, of 8 bytes each. Items share a place by their hash: a change
/// of one also makes responses of the others stale, which are then read again.
const PLACES: usize = 8192;

/// What a cached response depends on: it is fresh until that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// Any change of the catalogue, as for lists.
    Catalogue,
    /// Changes of one item, by its place.
    Item(usize),
}

/// The sequence numbers of changes, as this process applied them.
pub(super) struct PublishedChanges {
    started: Instant,
    hasher: RandomState,
    /// The last change.
    last: AtomicU64,
    /// The last change that may have affected any item.
    last_of_all: AtomicU64,
    /// The last changes of items.
    items: Box<[AtomicU64]>,
    /// When the epoch was last confirmed, in nanoseconds from `started` and one more; 0 is never.
    confirmed: AtomicU64,
}

impl Default for PublishedChanges {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            hasher: RandomState::new(),
            last: AtomicU64::new(0),
            last_of_all: AtomicU64::new(0),
            items: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            confirmed: AtomicU64::new(0),
        }
    }
}

impl PublishedChanges {
    /// Publishes the next change. The caller calls this for one change at a time.
    pub(super) fn publish(&self, sequence: u64, changed: &ChangedItems) {
        match changed {
            ChangedItems::All => self.last_of_all.store(sequence, Ordering::SeqCst),
            ChangedItems::Only(items) => {
                for item in items {
                    if let Some(place) = self.items.get(self.place(item)) {
                        place.store(sequence, Ordering::SeqCst);
                    }
                }
            }
        }
        self.last.store(sequence, Ordering::SeqCst);
    }

    /// Whether nothing that a response depends on has changed since it was read, after the change
    /// `sequence` had been applied.
    pub(super) fn is_unchanged(&self, dependency: Dependency, sequence: u64) -> bool {
        match dependency {
            Dependency::Catalogue => sequence == self.last.load(Ordering::SeqCst),
            Dependency::Item(place) => {
                let of_all = self.last_of_all.load(Ordering::SeqCst);
                let of_item = self.items.get(place).map(|last| last.load(Ordering::SeqCst));
                of_item.is_some_and(|of_item| sequence >= of_item.max(of_all))
            }
        }
    }

    pub(super) fn dependency_on(&self, item: &str) -> Dependency {
        Dependency::Item(self.place(item))
    }

    pub(super) fn confirm(&self, now: Instant) {
        self.confirmed.fetch_max(self.nanoseconds(now).saturating_add(1), Ordering::SeqCst);
    }

    pub(super) fn was_confirmed_within(&self, age: Duration, now: Instant) -> bool {
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let confirmed = self.confirmed.load(Ordering::SeqCst).checked_sub(1);
        confirmed.is_some_and(|at| self.nanoseconds(now).saturating_sub(at) <= age)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn place(&self, item: &str) -> usize {
        let places = u64::try_from(PLACES).unwrap_or(1);
        usize::try_from(self.hasher.hash_one(item) % places).unwrap_or(0)
    }
}
