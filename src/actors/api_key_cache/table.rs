//! The bounded cache that hits read without a message to the actor: keys, and negative entries for
//! hashes that no key has. Only the actor inserts; the handle may invalidate, too.
//!
//! How far an entry can be trusted is decided by `cache::permissions`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

use super::known_key::KnownKey;
use crate::cache::permissions::{PermissionFreshness, Trust, VerifiedAt};
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::InvalidationScope;

pub(super) const MAX_KEYS: u64 = 10_000;
pub(super) const MAX_NEGATIVE_ENTRIES: u64 = 10_000;
pub(super) const NEGATIVE_TTL: Duration = Duration::from_secs(10);
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
    verification: VerifiedAt,
}

/// The cached keys, and how fresh they are.
pub(super) struct KeyTable {
    pub(super) freshness: Arc<PermissionFreshness>,
    /// The epoch up to which the actor has applied all changes, or [`NO_EPOCH`].
    applied_epoch: AtomicI64,
    keys: Cache<KeyHash, KeyEntry>,
    negative: Cache<KeyHash, VerifiedAt>,
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KeyTable")
            .field("freshness", &self.freshness)
            .field("applied_epoch", &self.applied_epoch)
            .finish_non_exhaustive()
    }
}

impl KeyTable {
    pub(super) fn new(base: Instant) -> Self {
        Self {
            freshness: Arc::new(PermissionFreshness::new(base)),
            applied_epoch: AtomicI64::new(NO_EPOCH),
            keys: bounded(MAX_KEYS),
            negative: bounded(MAX_NEGATIVE_ENTRIES),
        }
    }

    /// Returns what is cached for a hash.
    pub(super) fn get(&self, hash: &KeyHash, now: Instant) -> KeyLookup {
        let changes = self.freshness.changes();
        if let Some(KeyEntry { key, verification }) = self.keys.get(hash) {
            let trust = self.freshness.judge(&verification, now);
            return match trust {
                Trust::Expired => KeyLookup::Miss,
                _ if changes.any(|scope| key.identity().is_affected_by(scope)) => {
                    KeyLookup::Changing
                }
                Trust::Fresh => KeyLookup::Fresh(key),
                Trust::Doubtful => KeyLookup::Doubtful(key),
            };
        }
        drop(changes);
        match self.negative.get(hash) {
            Some(verification) if self.is_valid(&verification, now) => KeyLookup::Negative,
            _ => KeyLookup::Miss,
        }
    }

    /// Whether a negative entry can be used; there are no doubtful ones.
    fn is_valid(&self, verification: &VerifiedAt, now: Instant) -> bool {
        self.freshness.judge(verification, now) == Trust::Fresh
            && self.freshness.age(verification, now) < NEGATIVE_TTL
    }

    /// Inserts the result of a lookup: a key, or a negative entry.
    pub(super) fn insert(&self, hash: KeyHash, key: Option<Arc<KnownKey>>, now: Instant) {
        let verification = self.freshness.verification(now);
        if let Some(key) = key {
            self.negative.remove(&hash);
            self.keys.insert(hash, KeyEntry { key, verification });
        } else {
            self.keys.remove(&hash);
            self.negative.insert(hash, verification);
        }
    }

    /// Removes the entries that the scope covers.
    pub(super) fn invalidate(&self, scope: InvalidationScope) {
        match scope {
            InvalidationScope::Sessions(_) => {}
            InvalidationScope::All => {
                self.freshness.remove_all();
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

    /// Whether a transaction is changing this key.
    pub(super) fn is_changing(&self, key: &KnownKey) -> bool {
        self.freshness.changes().any(|scope| key.identity().is_affected_by(scope))
    }

    /// Returns the epoch up to which all changes are applied.
    pub(super) fn applied_epoch(&self) -> Option<i64> {
        Some(self.applied_epoch.load(Ordering::Acquire)).filter(|epoch| *epoch != NO_EPOCH)
    }

    /// Stores the epoch up to which the actor has applied all changes.
    pub(super) fn set_applied_epoch(&self, epoch: Option<i64>) {
        self.applied_epoch.store(epoch.unwrap_or(NO_EPOCH), Ordering::Release);
    }

    /// Returns the number of cached keys and of negative entries.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.negative.len() as u64)
    }
}

/// Makes a cache of at most so many entries. It has 16 parts with a lock each (one for 32 expected
/// entries), also on a machine with more processors, so that this number is exact.
fn bounded<T: Clone>(entries: u64) -> Cache<KeyHash, T> {
    Cache::with_weighter(16 * 32, entries, UnitWeighter)
}

#[cfg(test)]
mod tests;
