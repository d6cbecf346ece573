//! The bounded cache that hits read without a message to the actor: keys, and negative entries for
//! hashes that no key has. Only the actor inserts; the handle may invalidate, too.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::known_key::KnownKey;
use crate::cache::two_generations::TwoGenerations;
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::InvalidationScope;

pub(super) const MAX_KEYS: usize = 10_000;
pub(super) const MAX_NEGATIVE_ENTRIES: usize = 10_000;
pub(super) const NEGATIVE_TTL: Duration = Duration::from_secs(10);
/// If the epoch was not confirmed for longer, every hit is verified in the database. Three polls:
/// one may be lost or slow.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(3);
/// If the epoch was not confirmed for longer, nothing cached is used, even if the database is
/// unavailable.
pub(super) const USABLE_FOR: Duration = Duration::from_hours(1);
/// Stands for the missing epoch before the first was applied.
const NO_EPOCH: i64 = i64::MIN;

/// What is cached for a hash.
#[derive(Clone, Debug)]
pub(super) enum KeyLookup {
    Hit(Arc<KnownKey>),
    /// A transaction is changing the key, so only the database knows its state.
    Changing,
    /// A recent lookup found no key.
    Negative,
    Miss,
}

/// How far cached entries can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// As much as the database.
    Fresh,
    /// Only while the database is unavailable.
    Doubtful,
    /// Not at all.
    Unknown,
}

/// The cached keys, and how fresh they are.
#[derive(Debug)]
pub(super) struct KeyTable {
    base: Instant,
    /// When the epoch was last confirmed, in milliseconds from `base` plus one; 0 for never.
    confirmed: AtomicU64,
    /// The epoch up to which the actor has applied all changes, or [`NO_EPOCH`].
    applied_epoch: AtomicI64,
    /// Scopes between the start of their transaction and its invalidation; one for each request
    /// that is making such a change.
    changing: RwLock<Vec<InvalidationScope>>,
    // Not moka: it records each read, whereas a hit here writes nothing; and an invalidation by
    // scope would iterate with one lookup per entry instead of one pass under the lock.
    keys: RwLock<TwoGenerations<KeyHash, Arc<KnownKey>>>,
    /// The instant of the lookup that found no key.
    negative: RwLock<TwoGenerations<KeyHash, Instant>>,
}

impl KeyTable {
    pub(super) fn new(base: Instant) -> Self {
        Self {
            base,
            confirmed: AtomicU64::new(0),
            applied_epoch: AtomicI64::new(NO_EPOCH),
            changing: RwLock::default(),
            keys: RwLock::new(TwoGenerations::new(MAX_KEYS, |_| 1)),
            negative: RwLock::new(TwoGenerations::new(MAX_NEGATIVE_ENTRIES, |_| 1)),
        }
    }

    /// Returns what is cached for a hash.
    pub(super) fn get(&self, hash: &KeyHash, now: Instant) -> KeyLookup {
        // Held until the key was read: a change that ends in between would be missed in both.
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let (key, is_old) = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            (keys.get(hash).cloned(), keys.is_old(hash))
        };
        if let Some(key) = key {
            if is_old {
                self.keys.write().unwrap_or_else(PoisonError::into_inner).promote(hash);
            }
            return if is_covered(&key, &changing) {
                KeyLookup::Changing
            } else {
                KeyLookup::Hit(key)
            };
        }
        let negative = self.negative.read().unwrap_or_else(PoisonError::into_inner);
        match negative.get(hash) {
            Some(at) if now.saturating_duration_since(*at) < NEGATIVE_TTL => KeyLookup::Negative,
            _ => KeyLookup::Miss,
        }
    }

    /// Inserts the result of a lookup: a key, or a negative entry.
    pub(super) fn insert(&self, hash: KeyHash, key: Option<Arc<KnownKey>>, now: Instant) {
        let mut negative = self.negative.write().unwrap_or_else(PoisonError::into_inner);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = key {
            negative.remove(&hash);
            keys.insert(hash, key);
        } else {
            keys.remove(&hash);
            negative.insert(hash, now);
        }
    }

    /// Removes the entries that the scope covers.
    pub(super) fn invalidate(&self, scope: InvalidationScope) {
        if matches!(scope, InvalidationScope::Sessions(_)) {
            return;
        }
        let keep = |key: &Arc<KnownKey>| !key.identity().is_affected_by(scope);
        self.keys.write().unwrap_or_else(PoisonError::into_inner).retain(keep);
        if scope == InvalidationScope::All {
            self.negative.write().unwrap_or_else(PoisonError::into_inner).retain(|_| false);
        }
    }

    /// Marks the start of a transaction that revokes or reduces permissions. Until
    /// [`Self::end_change`], hits of its keys are verified in the database, because the commit is
    /// visible there before this process reads its confirmation.
    pub(super) fn begin_change(&self, scope: InvalidationScope) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).push(scope);
    }

    /// Whether a transaction is changing this key.
    pub(super) fn is_changing(&self, key: &KnownKey) -> bool {
        is_covered(key, &self.changing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the end of a transaction, after its invalidation.
    pub(super) fn end_change(&self, scope: InvalidationScope) {
        let mut changing = self.changing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = changing.iter().position(|other| *other == scope) {
            changing.swap_remove(at);
        }
    }

    /// Returns the epoch up to which all changes are applied.
    pub(super) fn applied_epoch(&self) -> Option<i64> {
        Some(self.applied_epoch.load(Ordering::Acquire)).filter(|epoch| *epoch != NO_EPOCH)
    }

    /// Stores the epoch up to which the actor has applied all changes.
    pub(super) fn set_applied_epoch(&self, epoch: Option<i64>) {
        self.applied_epoch.store(epoch.unwrap_or(NO_EPOCH), Ordering::Release);
    }

    /// Records that the epoch was current at `now`; never moves back.
    pub(super) fn confirm_epoch(&self, now: Instant) {
        self.confirmed.fetch_max(self.milliseconds(now).saturating_add(1), Ordering::AcqRel);
    }

    /// Returns how far cached entries can be trusted.
    pub(super) fn freshness(&self, now: Instant) -> Freshness {
        let Some(confirmed) = self.confirmed.load(Ordering::Acquire).checked_sub(1) else {
            return Freshness::Unknown;
        };
        let age = Duration::from_millis(self.milliseconds(now).saturating_sub(confirmed));
        if age <= FRESH_FOR {
            Freshness::Fresh
        } else if age <= USABLE_FOR {
            Freshness::Doubtful
        } else {
            Freshness::Unknown
        }
    }

    /// Returns the number of cached keys and of negative entries.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).len();
        (keys, self.negative.read().unwrap_or_else(PoisonError::into_inner).len())
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

fn is_covered(key: &KnownKey, changing: &[InvalidationScope]) -> bool {
    changing.iter().any(|scope| key.identity().is_affected_by(*scope))
}

#[cfg(test)]
mod tests;
