//! The bounded memory that hits read without a mailbox: known keys, and keys that were looked up in vain. The actor writes
//! it; everybody reads it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::handle::KnownKey;
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::Concern;

/// The most known keys that are remembered.
pub(super) const MAX_KNOWN: usize = 10_000;
/// The most unknown keys that are remembered.
pub(super) const MAX_UNKNOWN: usize = 10_000;
/// For how long an unknown key is taken to be unknown still.
pub(super) const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Not having heard the epoch for so long, the database is asked again at every hit.
pub(super) const FRESH: Duration = Duration::from_secs(10);
/// Not having heard it for so long, nothing that is remembered counts, whether the database is there or not.
pub(super) const DOUBTFUL: Duration = Duration::from_hours(1);

/// What is remembered of a key.
#[derive(Clone, Debug)]
pub(super) enum Recollection {
    /// This.
    Known(Arc<KnownKey>),
    /// That there is none.
    Unknown,
    /// Nothing.
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

/// The memory.
#[derive(Debug)]
pub(super) struct Table {
    base: Instant,
    /// Milliseconds from `base`, plus one, when the epoch was last heard; 0 for never.
    heard: AtomicU64,
    /// Nobody else can change anything: no epoch needs to be heard.
    alone: bool,
    known: RwLock<Generations<Arc<KnownKey>>>,
    unknown: RwLock<Generations<Instant>>,
}

impl Table {
    pub(super) fn new(base: Instant, alone: bool) -> Self {
        Self {
            base,
            heard: AtomicU64::new(0),
            alone,
            known: RwLock::new(Generations::new(MAX_KNOWN)),
            unknown: RwLock::new(Generations::new(MAX_UNKNOWN)),
        }
    }

    /// What is remembered of a key.
    pub(super) fn recall(&self, hash: &KeyHash, now: Instant) -> Recollection {
        let (known, is_old) = {
            let table = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (table.get(hash).cloned(), table.is_old(hash))
        };
        if let Some(known) = known {
            if is_old {
                self.known.write().unwrap_or_else(PoisonError::into_inner).renew(hash);
            }
            return Recollection::Known(known);
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

    /// The epoch was heard; never earlier than before.
    pub(super) fn hear(&self, now: Instant) {
        self.heard.fetch_max(self.milliseconds(now).saturating_add(1), Ordering::AcqRel);
    }

    /// How much what is remembered counts.
    pub(super) fn trust(&self, now: Instant) -> Trust {
        if self.alone {
            return Trust::Fresh;
        }
        let Some(heard) = self.heard.load(Ordering::Acquire).checked_sub(1) else { return Trust::None };
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
    pub(super) fn sizes(&self) -> (usize, usize) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).len();
        (known, self.unknown.read().unwrap_or_else(PoisonError::into_inner).len())
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

/// A bounded map in two halves: what is new or was asked for goes into the young one; when that is full it becomes the old
/// one, and what nobody asked for since the last time is forgotten. As good as LRU here, and a read writes nothing.
#[derive(Debug)]
struct Generations<V> {
    young: HashMap<KeyHash, V>,
    old: HashMap<KeyHash, V>,
    half: usize,
}

impl<V> Generations<V> {
    fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: most / 2 }
    }

    fn get(&self, hash: &KeyHash) -> Option<&V> {
        self.young.get(hash).or_else(|| self.old.get(hash))
    }

    fn is_old(&self, hash: &KeyHash) -> bool {
        !self.young.contains_key(hash) && self.old.contains_key(hash)
    }

    fn insert(&mut self, hash: KeyHash, value: V) {
        self.old.remove(&hash);
        self.young.insert(hash, value);
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
    }

    fn renew(&mut self, hash: &KeyHash) {
        if let Some(value) = self.old.remove(hash) {
            self.insert(*hash, value);
        }
    }

    fn remove(&mut self, hash: &KeyHash) {
        self.young.remove(hash);
        self.old.remove(hash);
    }

    fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.young.retain(|_, value| keep(value));
        self.old.retain(|_, value| keep(value));
    }

    fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }
}
