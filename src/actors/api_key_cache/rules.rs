//! Decides who looks a key up and whether the result may be inserted into the cache. A pure state
//! machine without I/O or clock.
//!
//! A lookup that read a key before it was invalidated must not put it back afterwards. So every
//! pending lookup collects the invalidations since it started; its result is inserted only if none
//! of them affects the key, and is read again otherwise. A new incarnation counts as an
//! invalidation of all keys here, although it removes no cached entry.

use std::collections::HashMap;

use uuid::Uuid;

use crate::credentials::api_keys::KeyHash;
use crate::model::authority::InvalidationScope;

/// Most lookups in progress at once; each waits for the database.
const MAX_PENDING: usize = 1024;
/// Most invalidations kept per pending lookup; with more, all keys count as affected.
const MAX_INVALIDATIONS: usize = 64;
/// Most reads of one lookup before its waiters get an error.
const MAX_READS: u32 = 4;

/// The lookups in progress and the applied epoch; `W` is a waiter for a result.
#[derive(Debug)]
pub(super) struct LookupRules<W> {
    pending: HashMap<KeyHash, PendingLookup<W>>,
    /// The epoch up to which all invalidation events are applied.
    epoch: Option<i64>,
}

#[derive(Debug)]
struct PendingLookup<W> {
    waiters: Vec<W>,
    invalidations: Vec<InvalidationScope>,
    reads: u32,
}

/// What to do on a miss.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LookupStart<W> {
    /// Start a lookup.
    Started,
    /// The waiter joined a lookup in progress.
    Joined,
    /// Too many lookups are in progress; the waiter gets an error.
    Full(W),
}

/// What to do with the result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LookupCompletion<W> {
    /// Insert it and answer these waiters.
    Insert(Vec<W>),
    /// It may be outdated; read again.
    Retry,
    /// It was outdated too often; these waiters get an error.
    GiveUp(Vec<W>),
}

/// The ids of a key and its owner, by which invalidations select keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyIdentity {
    pub(super) key_id: Uuid,
    pub(super) user_id: Uuid,
}

impl<W> Default for LookupRules<W> {
    fn default() -> Self {
        Self { pending: HashMap::new(), epoch: None }
    }
}

impl KeyIdentity {
    /// Whether an invalidation covers this key.
    pub(super) fn is_affected_by(self, scope: InvalidationScope) -> bool {
        match scope {
            InvalidationScope::Key(key_id) => key_id == self.key_id,
            InvalidationScope::User(user_id) => user_id == self.user_id,
            InvalidationScope::Sessions(_) => false,
            InvalidationScope::All => true,
        }
    }
}

impl<W> LookupRules<W> {
    /// Adds a waiter for a key that is not cached.
    pub(super) fn request(&mut self, hash: KeyHash, waiter: W) -> LookupStart<W> {
        if let Some(lookup) = self.pending.get_mut(&hash) {
            lookup.waiters.push(waiter);
            return LookupStart::Joined;
        }
        if self.pending.len() >= MAX_PENDING {
            return LookupStart::Full(waiter);
        }
        let lookup = PendingLookup { waiters: vec![waiter], invalidations: Vec::new(), reads: 1 };
        self.pending.insert(hash, lookup);
        LookupStart::Started
    }

    /// Takes the result of a lookup: a key, or none with this hash.
    pub(super) fn complete(
        &mut self,
        hash: KeyHash,
        found: Option<KeyIdentity>,
    ) -> LookupCompletion<W> {
        let Some(lookup) = self.pending.get_mut(&hash) else {
            return LookupCompletion::Insert(Vec::new());
        };
        let is_outdated = match found {
            Some(key) => lookup.invalidations.iter().any(|scope| key.is_affected_by(*scope)),
            None => lookup.invalidations.contains(&InvalidationScope::All),
        };
        if is_outdated && lookup.reads < MAX_READS {
            lookup.reads = lookup.reads.saturating_add(1);
            lookup.invalidations.clear();
            return LookupCompletion::Retry;
        }
        let waiters = self.fail(hash);
        if is_outdated {
            LookupCompletion::GiveUp(waiters)
        } else {
            LookupCompletion::Insert(waiters)
        }
    }

    /// Removes a lookup that failed and returns its waiters.
    pub(super) fn fail(&mut self, hash: KeyHash) -> Vec<W> {
        self.pending.remove(&hash).map(|lookup| lookup.waiters).unwrap_or_default()
    }

    /// Adds an invalidation to all lookups in progress: they may have read older data.
    pub(super) fn invalidate(&mut self, scope: InvalidationScope) {
        for lookup in self.pending.values_mut() {
            if lookup.invalidations.len() >= MAX_INVALIDATIONS {
                lookup.invalidations = vec![InvalidationScope::All];
            } else {
                lookup.invalidations.push(scope);
            }
        }
    }

    /// Applies the epoch of an invalidation event. Returns whether events are missing between the
    /// applied epoch and this one, so that a new incarnation starts.
    pub(super) fn apply_event(&mut self, epoch: i64) -> bool {
        let is_next = |applied: i64| epoch == applied.saturating_add(1);
        match self.epoch {
            Some(applied) if epoch <= applied => false,
            applied => {
                self.epoch = Some(epoch);
                !applied.is_some_and(is_next)
            }
        }
    }

    /// Applies a polled epoch; `applied_at_poll` was applied when the poll was sent. Returns
    /// whether a new incarnation starts: an event was missed, or the counter went back (a failover
    /// or a restored backup). An epoch below what was applied *since* the poll means only that a
    /// notification overtook the poll.
    pub(super) fn apply_epoch(&mut self, epoch: i64, applied_at_poll: Option<i64>) -> bool {
        let missed = self.epoch.is_none_or(|applied| epoch > applied);
        let went_back = applied_at_poll.is_some_and(|applied| epoch < applied);
        if missed || went_back {
            self.epoch = Some(epoch);
        }
        missed || went_back
    }

    /// Returns the epoch up to which all invalidation events are applied.
    pub(super) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    #[cfg(test)]
    pub(super) fn lookups_in_progress(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests;
