//! When keys were last used: recorded in memory by each hit, queued here, and written to
//! `last_used_at` in batches by the actor.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Most uses written in one statement.
pub(super) const MAX_BATCH: usize = 5_000;

/// When one key was last used.
#[derive(Debug)]
pub(super) struct LastUse {
    key_id: Uuid,
    /// Microseconds since 1970.
    at: AtomicI64,
    /// Whether the actor has it in its queue.
    is_queued: AtomicBool,
}

impl LastUse {
    pub(super) fn new(key_id: Uuid) -> Self {
        Self { key_id, at: AtomicI64::new(i64::MIN), is_queued: AtomicBool::new(false) }
    }

    /// Records a use. Returns whether it has to be queued.
    pub(super) fn record(&self, now: DateTime<Utc>) -> bool {
        self.at.fetch_max(now.timestamp_micros(), Ordering::AcqRel);
        !self.is_queued.swap(true, Ordering::AcqRel)
    }

    /// Takes the recorded use. Clears the mark before it reads the time: a use in between is queued
    /// again, and none is lost.
    fn take(&self) -> Option<(Uuid, DateTime<Utc>)> {
        self.is_queued.store(false, Ordering::Release);
        DateTime::from_timestamp_micros(self.at.load(Ordering::Acquire)).map(|at| (self.key_id, at))
    }
}

/// The last uses that are not written yet.
#[derive(Debug, Default)]
pub(super) struct PendingUses {
    queued: Vec<Arc<LastUse>>,
    /// Taken from the queue, and not written or failed to be.
    unwritten: HashMap<Uuid, DateTime<Utc>>,
}

impl PendingUses {
    /// Queues the last use of a key.
    pub(super) fn push(&mut self, last_use: Arc<LastUse>) {
        self.queued.push(last_use);
    }

    /// Returns the number of keys to be written; a key that was looked up again counts twice.
    pub(super) fn len(&self) -> usize {
        self.queued.len().saturating_add(self.unwritten.len())
    }

    /// Takes the next batch, ordered by key id.
    pub(super) fn take_batch(&mut self) -> Vec<(Uuid, DateTime<Utc>)> {
        let uses: Vec<_> = self.queued.drain(..).filter_map(|last_use| last_use.take()).collect();
        self.restore(uses);
        let mut ids: Vec<Uuid> = self.unwritten.keys().copied().collect();
        ids.sort_unstable();
        ids.truncate(MAX_BATCH);
        ids.into_iter().filter_map(|id| self.unwritten.remove_entry(&id)).collect()
    }

    /// Puts back what could not be written; a later use of the same key is kept.
    pub(super) fn restore(&mut self, batch: Vec<(Uuid, DateTime<Utc>)>) {
        for (key_id, at) in batch {
            let unwritten = self.unwritten.entry(key_id).or_insert(at);
            *unwritten = (*unwritten).max(at);
        }
    }
}

#[cfg(test)]
mod tests;
