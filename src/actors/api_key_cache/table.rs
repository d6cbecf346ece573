//! The bounded cache that hits read without a message to the actor: keys, and negative entries for
//! hashes that no key has. Only the actor inserts; the handle may invalidate, too.
//!
//! An entry is as good as the database while the epoch is confirmed and the incarnation is the one
//! that it was cached in ([`super::incarnation`]). Otherwise it is doubtful: each hit is verified
//! in the database, and the entry itself counts only while that is unavailable, for an hour after
//! its last confirmation.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

use super::incarnation::{Incarnation, Incarnations};
use super::known_key::KnownKey;
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::InvalidationScope;

pub(super) const MAX_KEYS: u64 = 10_000;
pub(super) const MAX_NEGATIVE_ENTRIES: u64 = 10_000;
pub(super) const NEGATIVE_TTL: Duration = Duration::from_secs(10);
/// If the epoch was not confirmed for longer, every hit is verified in the database. Three polls:
/// one may be lost or slow.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(3);
/// If an entry was not confirmed for longer, it is not used, even if the database is unavailable.
pub(super) const USABLE_FOR: Duration = Duration::from_hours(1);
/// Stands for the missing epoch before the first was applied.
const NO_EPOCH: i64 = i64::MIN;

/// What is cached for a hash.
#[derive(Clone, Debug)]
pub(super) enum KeyLookup {
    /// As good as the database's answer.
    Fresh(Arc<KnownKey>),
    /// To be verified in the database; usable only while that is unavailable.
    Doubtful(Arc<KnownKey>),
    /// A transaction is changing the key, so only the database knows its state.
    Changing,
    /// A recent lookup found no key.
    Negative,
    Miss,
}

/// A key, and what its trust depends on.
#[derive(Clone)]
struct KeyEntry {
    key: Arc<KnownKey>,
    incarnation: Arc<Incarnation>,
    /// When the lookup ended, in milliseconds from `base`.
    verified_at: u64,
}

#[derive(Clone, Copy)]
struct NegativeEntry {
    /// The number of its incarnation.
    incarnation: u64,
    /// When the lookup ended, in milliseconds from `base`.
    verified_at: u64,
}

/// The cached keys, and how fresh they are.
pub(super) struct KeyTable {
    base: Instant,
    incarnations: Incarnations,
    /// The epoch up to which the actor has applied all changes, or [`NO_EPOCH`].
    applied_epoch: AtomicI64,
    /// Scopes between the start of their transaction and its invalidation; one for each request
    /// that is making such a change.
    changing: RwLock<Vec<InvalidationScope>>,
    keys: Cache<KeyHash, KeyEntry>,
    negative: Cache<KeyHash, NegativeEntry>,
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KeyTable")
            .field("incarnations", &self.incarnations)
            .field("applied_epoch", &self.applied_epoch)
            .finish_non_exhaustive()
    }
}

impl KeyTable {
    pub(super) fn new(base: Instant) -> Self {
        Self {
            base,
            incarnations: Incarnations::default(),
            applied_epoch: AtomicI64::new(NO_EPOCH),
            changing: RwLock::default(),
            keys: bounded(MAX_KEYS),
            negative: bounded(MAX_NEGATIVE_ENTRIES),
        }
    }

    /// Returns what is cached for a hash.
    pub(super) fn get(&self, hash: &KeyHash, now: Instant) -> KeyLookup {
        // Held until the key was read: a change that ends in between would be missed in both.
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = self.keys.get(hash)
            && !self.incarnations.is_removed(&entry.incarnation)
        {
            return if is_covered(&entry.key, &changing) {
                KeyLookup::Changing
            } else {
                self.judge(entry, self.milliseconds(now))
            };
        }
        drop(changing);
        match self.negative.get(hash) {
            Some(entry) if self.is_valid(entry, self.milliseconds(now)) => KeyLookup::Negative,
            _ => KeyLookup::Miss,
        }
    }

    fn judge(&self, entry: KeyEntry, now: u64) -> KeyLookup {
        let confirmed_at = entry.incarnation.confirmed_at();
        let is_current = entry.incarnation.number() == self.incarnations.number();
        if is_current && confirmed_at.is_some_and(|at| age(at, now) <= FRESH_FOR) {
            KeyLookup::Fresh(entry.key)
        } else if age(entry.verified_at.max(confirmed_at.unwrap_or(0)), now) <= USABLE_FOR {
            KeyLookup::Doubtful(entry.key)
        } else {
            KeyLookup::Miss
        }
    }

    /// Whether a negative entry can be used; there are no doubtful ones.
    fn is_valid(&self, entry: NegativeEntry, now: u64) -> bool {
        let current = self.incarnations.current();
        entry.incarnation == current.number()
            && age(entry.verified_at, now) < NEGATIVE_TTL
            && current.confirmed_at().is_some_and(|at| age(at, now) <= FRESH_FOR)
    }

    /// Inserts the result of a lookup: a key, or a negative entry.
    pub(super) fn insert(&self, hash: KeyHash, key: Option<Arc<KnownKey>>, now: Instant) {
        let (incarnation, verified_at) = (self.incarnations.current(), self.milliseconds(now));
        if let Some(key) = key {
            self.negative.remove(&hash);
            self.keys.insert(hash, KeyEntry { key, incarnation, verified_at });
        } else {
            self.keys.remove(&hash);
            let incarnation = incarnation.number();
            self.negative.insert(hash, NegativeEntry { incarnation, verified_at });
        }
    }

    /// Removes the entries that the scope covers.
    pub(super) fn invalidate(&self, scope: InvalidationScope) {
        match scope {
            InvalidationScope::Sessions(_) => {}
            InvalidationScope::All => {
                self.incarnations.remove_all();
                // Frees their memory; whether they are used is decided by the incarnation, at once
                // for all of them.
                self.keys.clear();
                self.negative.clear();
            }
            InvalidationScope::Key(_) | InvalidationScope::User(_) => {
                self.keys.retain(|_, entry| !entry.key.identity().is_affected_by(scope));
            }
        }
    }

    /// Starts an incarnation: all entries are doubtful.
    pub(super) fn start_incarnation(&self) {
        self.incarnations.start();
    }

    /// Returns the number of the current incarnation.
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnations.number()
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
        self.incarnations.confirm(self.milliseconds(now));
    }

    /// Returns the number of cached keys and of negative entries.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.negative.len() as u64)
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Makes a cache of at most so many entries. It has 16 parts with a lock each (one for 32 expected
/// entries), also on a machine with more processors, so that this number is exact.
fn bounded<T: Clone>(entries: u64) -> Cache<KeyHash, T> {
    Cache::with_weighter(16 * 32, entries, UnitWeighter)
}

/// Both in milliseconds from the same instant.
fn age(at: u64, now: u64) -> Duration {
    Duration::from_millis(now.saturating_sub(at))
}

fn is_covered(key: &KnownKey, changing: &[InvalidationScope]) -> bool {
    changing.iter().any(|scope| key.identity().is_affected_by(*scope))
}

#[cfg(test)]
mod tests;
