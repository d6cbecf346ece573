//! The bounded memory that hits read without a mailbox: known keys, and keys that were looked up in
//! vain. The actor writes it; everybody reads it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::known_key::KnownKey;
use crate::cache::two_generations::Generations;
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::Concern;

/// The most known keys that are remembered.
pub(super) const MAX_KNOWN: usize = 10_000;
/// The most unknown keys that are remembered.
pub(super) const MAX_UNKNOWN: usize = 10_000;
/// For how long an unknown key is taken to be unknown still.
pub(super) const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Not having read the epoch for so long, every hit is checked in the database. Three polls: one
/// may be lost or slow.
pub(super) const FRESH: Duration = Duration::from_secs(3);
/// Not having heard it for so long, nothing that is remembered counts, whether the database is
/// there or not.
pub(super) const DOUBTFUL: Duration = Duration::from_hours(1);

/// What is remembered of a key.
#[derive(Clone, Debug)]
pub(super) enum Recollection {
    Known(Arc<KnownKey>),
    /// A key of which a change is being committed: what holds now is in the database only.
    Changing,
    /// That there is none.
    Unknown,
    Nothing,
}

/// How much what is remembered counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// As much as the database's word.
    Fresh,
    /// Only while the database is away.
    Doubtful,
    /// Not at all.
    None,
}

/// No epoch was read yet.
const NO_EPOCH: i64 = i64::MIN;

/// The memory.
#[derive(Debug)]
pub(super) struct Table {
    base: Instant,
    /// Milliseconds from `base`, plus one, when the epoch was last heard; 0 for never.
    heard: AtomicU64,
    /// The epoch up to which the actor has applied every change; [`NO_EPOCH`] before the first.
    applied: AtomicI64,
    /// Changes between the start of their transaction and their invalidation; as many as there are
    /// requests that make one.
    changing: RwLock<Vec<Concern>>,
    known: RwLock<Generations<KeyHash, Arc<KnownKey>>>,
    unknown: RwLock<Generations<KeyHash, Instant>>,
}

impl Table {
    pub(super) fn new(base: Instant) -> Self {
        Self {
            base,
            heard: AtomicU64::new(0),
            applied: AtomicI64::new(NO_EPOCH),
            changing: RwLock::default(),
            known: RwLock::new(Generations::new(MAX_KNOWN, |_| 1)),
            unknown: RwLock::new(Generations::new(MAX_UNKNOWN, |_| 1)),
        }
    }

    /// What is remembered of a key.
    pub(super) fn recall(&self, hash: &KeyHash, now: Instant) -> Recollection {
        // Held until the key was read: a change that is settled in between would be seen neither
        // here nor there.
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let (known, is_old) = {
            let table = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (table.get(hash).cloned(), table.is_old(hash))
        };
        if let Some(known) = known {
            if is_old {
                self.known.write().unwrap_or_else(PoisonError::into_inner).renew(hash);
            }
            return if is_among(&changing, &known) {
                Recollection::Changing
            } else {
                Recollection::Known(known)
            };
        }
        let unknown = self.unknown.read().unwrap_or_else(PoisonError::into_inner);
        match unknown.get(hash) {
            Some(at) if now.saturating_duration_since(*at) < UNKNOWN_FOR => Recollection::Unknown,
            _ => Recollection::Nothing,
        }
    }

    /// The database's word on a key, or that it knows none.
    pub(super) fn fill(&self, hash: KeyHash, key: Option<Arc<KnownKey>>, now: Instant) {
        let mut unknown = self.unknown.write().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = key {
            unknown.remove(&hash);
            known.insert(hash, key);
        } else {
            known.remove(&hash);
            unknown.insert(hash, now);
        }
    }

    /// Forgets whom a change concerns.
    pub(super) fn forget(&self, concern: Concern) {
        if matches!(concern, Concern::Sessions(_)) {
            return;
        }
        let concerned = |key: &Arc<KnownKey>| key.whose().is_concerned(concern);
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|key| !concerned(key));
        if concern == Concern::All {
            self.unknown.write().unwrap_or_else(PoisonError::into_inner).retain(|_| false);
        }
    }

    /// A transaction begins that ends or shrinks authority. Until [`Table::settle`] hits of its
    /// keys are checked in the database: the commit is visible there before this process reads the
    /// answer to it.
    pub(super) fn begin(&self, concern: Concern) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).push(concern);
    }

    /// Whether a transaction is under way that changes this key.
    pub(super) fn is_changing(&self, key: &KnownKey) -> bool {
        is_among(&self.changing.read().unwrap_or_else(PoisonError::into_inner), key)
    }

    /// The transaction has ended, and what it changed was invalidated.
    pub(super) fn settle(&self, concern: Concern) {
        let mut changing = self.changing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = changing.iter().position(|other| *other == concern) {
            changing.swap_remove(at);
        }
    }

    /// The epoch up to which every change was applied.
    pub(super) fn applied(&self) -> Option<i64> {
        Some(self.applied.load(Ordering::Acquire)).filter(|epoch| *epoch != NO_EPOCH)
    }

    /// The actor has applied every change up to this epoch.
    pub(super) fn set_applied(&self, epoch: Option<i64>) {
        self.applied.store(epoch.unwrap_or(NO_EPOCH), Ordering::Release);
    }

    /// The epoch was heard; never earlier than before.
    pub(super) fn hear(&self, now: Instant) {
        self.heard.fetch_max(self.milliseconds(now).saturating_add(1), Ordering::AcqRel);
    }

    /// How much what is remembered counts.
    pub(super) fn trust(&self, now: Instant) -> Trust {
        let Some(heard) = self.heard.load(Ordering::Acquire).checked_sub(1) else {
            return Trust::None;
        };
        let since = Duration::from_millis(self.milliseconds(now).saturating_sub(heard));
        if since <= FRESH {
            Trust::Fresh
        } else if since <= DOUBTFUL {
            Trust::Doubtful
        } else {
            Trust::None
        }
    }

    /// How many keys are remembered: known and unknown.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).len();
        (known, self.unknown.read().unwrap_or_else(PoisonError::into_inner).len())
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

fn is_among(changes: &[Concern], key: &KnownKey) -> bool {
    changes.iter().any(|concern| key.whose().is_concerned(*concern))
}
