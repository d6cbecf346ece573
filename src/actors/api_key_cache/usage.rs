//! When keys were last used: noted in memory by each hit, gathered here, written behind the
//! requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// So many uses in one statement.
pub(super) const BATCH: usize = 5_000;

/// When one key was last used.
#[derive(Debug)]
pub(super) struct Usage {
    key_id: Uuid,
    /// Microseconds since 1970.
    at: AtomicI64,
    /// Whether the actor knows that there is something to write.
    noted: AtomicBool,
}

impl Usage {
    pub(super) fn of(key_id: Uuid) -> Self {
        Self { key_id, at: AtomicI64::new(i64::MIN), noted: AtomicBool::new(false) }
    }

    /// It was used now. Returns whether the actor has to be told.
    pub(super) fn note(&self, now: DateTime<Utc>) -> bool {
        self.at.fetch_max(now.timestamp_micros(), Ordering::AcqRel);
        !self.noted.swap(true, Ordering::AcqRel)
    }

    /// Takes what was noted. Who uses the key from here on tells the actor again: first the mark,
    /// then the time, so that no use falls between.
    fn take(&self) -> Option<(Uuid, DateTime<Utc>)> {
        self.noted.store(false, Ordering::Release);
        DateTime::from_timestamp_micros(self.at.load(Ordering::Acquire)).map(|at| (self.key_id, at))
    }
}

/// All that is to be written.
#[derive(Debug, Default)]
pub(super) struct Uses {
    noted: Vec<Arc<Usage>>,
    /// What could not be written yet.
    owed: HashMap<Uuid, DateTime<Utc>>,
}

impl Uses {
    /// A key was used.
    pub(super) fn add(&mut self, usage: Arc<Usage>) {
        self.noted.push(usage);
    }

    /// How many keys wait to be written; one that was looked up again meanwhile counts twice.
    pub(super) fn pending(&self) -> usize {
        self.noted.len().saturating_add(self.owed.len())
    }

    /// Takes the next batch, by key, in the order of keys.
    pub(super) fn take(&mut self) -> Vec<(Uuid, DateTime<Utc>)> {
        let noted: Vec<_> = self.noted.drain(..).filter_map(|usage| usage.take()).collect();
        self.put_back(noted);
        let mut ids: Vec<Uuid> = self.owed.keys().copied().collect();
        ids.sort_unstable();
        ids.truncate(BATCH);
        ids.into_iter().filter_map(|id| self.owed.remove_entry(&id)).collect()
    }

    /// What could not be written is owed.
    pub(super) fn put_back(&mut self, batch: Vec<(Uuid, DateTime<Utc>)>) {
        for (key_id, at) in batch {
            let owed = self.owed.entry(key_id).or_insert(at);
            *owed = (*owed).max(at);
        }
    }
}

#[cfg(test)]
mod tests;
