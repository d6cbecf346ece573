//! What this process knows of the catalogue's epoch, and of the items that changed with it.
//!
//! Epochs are compared within one incarnation only, in which the counter grows. An epoch that went
//! back (a failover, a restored backup) starts a new one, in which no older entry is fresh.
//!
//! Every change up to the known number is applied. One that names its items is applied to them
//! alone only if it follows the known number without a gap: after a lost notification, all entries
//! are stale. After a new connection of the listener the number is not verified: the counter may
//! have gone back and grown again. Until the database tells its number, each event counts for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::published::{Dependency, PublishedChanges};
use crate::model::catalogue_event::{CatalogueEvent, ChangedItems};

/// When the epoch was not confirmed for this long, no entry is fresh.
const EPOCH_MAX_AGE: Duration = Duration::from_secs(10);

/// The catalogue's epoch as this process knew it at some time. Later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogueEpoch {
    /// Number of changes that this process had applied; the other two fields follow from it.
    sequence: u64,
    incarnation: u64,
    number: i64,
}

/// What is known of the counter in the database.
#[derive(Debug)]
struct KnownEpoch {
    current: CatalogueEpoch,
    /// Whether the number is from the counter of this incarnation. It begins at 0 in an empty
    /// database.
    is_verified: bool,
}

/// The state of the catalogue that cached entries are compared with.
pub struct CatalogueEpochs {
    known: Mutex<KnownEpoch>,
    published: PublishedChanges,
}

impl Default for CatalogueEpochs {
    fn default() -> Self {
        let known = KnownEpoch { current: CatalogueEpoch::default(), is_verified: true };
        Self { known: Mutex::new(known), published: PublishedChanges::default() }
    }
}

impl std::fmt::Debug for CatalogueEpochs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CatalogueEpochs")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

impl CatalogueEpochs {
    /// Returns the current epoch. A read takes it before it asks the database.
    pub fn current(&self) -> CatalogueEpoch {
        self.lock().current
    }

    /// Returns the current epoch if it was confirmed lately, so that what was read at it is fresh.
    pub fn confirmed(&self, now: Instant) -> Option<CatalogueEpoch> {
        let known = self.lock();
        self.is_confirmed(now).then_some(known.current)
    }

    /// Returns the number of the counter if it is certain and was confirmed lately: a copy of the
    /// database with at least this number has all that this process knows of.
    pub fn certain_number(&self, now: Instant) -> Option<i64> {
        let known = self.lock();
        (known.is_verified && self.is_confirmed(now)).then_some(known.current.number)
    }

    /// Returns what a response depends on that shows one item, named as in a [`CatalogueEvent`].
    pub fn dependency_on(&self, item: &str) -> Dependency {
        self.published.dependency_on(item)
    }

    /// Whether a response that was read at `epoch` or later is still what the database would
    /// answer. It takes no lock.
    pub(super) fn is_fresh(
        &self,
        epoch: CatalogueEpoch,
        dependency: Dependency,
        now: Instant,
    ) -> bool {
        self.published.is_unchanged(dependency, epoch.sequence) && self.is_confirmed(now)
    }

    /// Applies a notification that arrived at `now`. It may arrive late, so that a lower epoch says
    /// nothing.
    pub fn apply_notified(&self, event: &CatalogueEvent, now: Instant) {
        let mut known = self.lock();
        if !known.is_verified {
            self.advance(&mut known, event.epoch, &ChangedItems::All);
        } else if known.current.number.checked_add(1) == Some(event.epoch) {
            self.advance(&mut known, event.epoch, &event.items);
        } else {
            self.raise(&mut known, event.epoch);
        }
        self.published.confirm(now);
    }

    /// Applies an epoch that was polled at `now`, when `before` was the current one. A lower one
    /// starts a new incarnation. After an incarnation that started meanwhile, the result may be
    /// older than it, and the next poll decides.
    pub fn apply_polled(&self, number: i64, before: CatalogueEpoch, now: Instant) {
        let mut known = self.lock();
        if known.current.incarnation != before.incarnation {
            return;
        }
        if number < before.number {
            self.begin_incarnation(&mut known, number, true);
        } else {
            self.verify(&mut known, number);
            self.raise(&mut known, number);
        }
        self.published.confirm(now);
    }

    /// Applies a committed change: the epoch was `locked` before it. `before` was current when its
    /// transaction began. When this returns, nothing read before the change is fresh.
    pub fn apply_committed(
        &self,
        locked: i64,
        change: &CatalogueEvent,
        before: CatalogueEpoch,
        now: Instant,
    ) {
        let mut known = self.lock();
        // The counter may already have grown past its old value, so that only the value before the
        // change shows that it went back.
        let went_back = locked < before.number;
        let is_other = known.current.incarnation != before.incarnation;
        if is_other || went_back {
            // The change may have been made on a server that has failed since.
            self.begin_incarnation(&mut known, change.epoch, !is_other);
        } else {
            self.verify(&mut known, change.epoch);
            // The transaction held the counter, so that between the two numbers all is its own.
            if (locked..change.epoch).contains(&known.current.number) {
                self.advance(&mut known, change.epoch, &change.items);
            }
            self.raise(&mut known, change.epoch);
        }
        self.published.confirm(now);
    }

    /// Starts a new incarnation, because changes may have been missed: no entry is fresh.
    pub fn start_incarnation(&self) {
        let mut known = self.lock();
        let number = known.current.number;
        self.begin_incarnation(&mut known, number, false);
    }

    fn begin_incarnation(&self, known: &mut KnownEpoch, number: i64, is_verified: bool) {
        known.current.incarnation = known.current.incarnation.saturating_add(1);
        known.current.number = number;
        known.is_verified = is_verified;
        self.advance(known, number, &ChangedItems::All);
    }

    /// The database told its number in this incarnation.
    fn verify(&self, known: &mut KnownEpoch, number: i64) {
        if !known.is_verified {
            known.is_verified = true;
            self.advance(known, number, &ChangedItems::All);
        }
    }

    /// The counter had at least this value; what changed up to it is not known.
    fn raise(&self, known: &mut KnownEpoch, number: i64) {
        if number > known.current.number {
            self.advance(known, number, &ChangedItems::All);
        }
    }

    fn advance(&self, known: &mut KnownEpoch, number: i64, changed: &ChangedItems) {
        known.current.number = known.current.number.max(number);
        known.current.sequence = known.current.sequence.saturating_add(1);
        self.published.publish(known.current.sequence, changed);
    }

    fn is_confirmed(&self, now: Instant) -> bool {
        self.published.was_confirmed_within(EPOCH_MAX_AGE, now)
    }

    fn lock(&self) -> MutexGuard<'_, KnownEpoch> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
