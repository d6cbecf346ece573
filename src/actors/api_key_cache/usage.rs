//! When and from where keys were last used: recorded in memory by each hit, queued here, and
//! written to `last_used_at` and `last_used_ip` in batches by the actor.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::storage::api_keys::authority::KeyUse;

/// Most uses written in one statement.
pub(super) const MAX_BATCH: usize = 5_000;

/// The last use of one key. Recording one takes an uncontended lock, and allocates nothing.
#[derive(Debug)]
pub(super) struct LastUse {
    key_id: Uuid,
    recorded: Mutex<RecordedUse>,
}

#[derive(Debug, Default)]
struct RecordedUse {
    last: Option<KeyUse>,
    /// Whether the actor has it in its queue.
    is_queued: bool,
}

impl LastUse {
    pub(super) fn new(key_id: Uuid) -> Self {
        Self { key_id, recorded: Mutex::default() }
    }

    /// Records a use. Returns whether it has to be queued. Of uses at the same time the last one
    /// recorded counts.
    pub(super) fn record(&self, at: DateTime<Utc>, client: Option<IpAddr>) -> bool {
        let mut recorded = self.lock();
        if recorded.last.is_none_or(|last| last.at <= at) {
            recorded.last = Some(KeyUse { key_id: self.key_id, at, client });
        }
        !std::mem::replace(&mut recorded.is_queued, true)
    }

    /// Takes the recorded use, which is no longer queued.
    fn take(&self) -> Option<KeyUse> {
        let mut recorded = self.lock();
        recorded.is_queued = false;
        recorded.last
    }

    fn lock(&self) -> MutexGuard<'_, RecordedUse> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last uses that are not written yet.
#[derive(Debug, Default)]
pub(super) struct PendingUses {
    queued: Vec<Arc<LastUse>>,
    /// Taken from the queue, and not written or failed to be.
    unwritten: HashMap<Uuid, KeyUse>,
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
    pub(super) fn take_batch(&mut self) -> Vec<KeyUse> {
        let uses: Vec<_> = self.queued.drain(..).filter_map(|last_use| last_use.take()).collect();
        self.restore(uses);
        let mut ids: Vec<Uuid> = self.unwritten.keys().copied().collect();
        ids.sort_unstable();
        ids.truncate(MAX_BATCH);
        ids.into_iter().filter_map(|id| self.unwritten.remove(&id)).collect()
    }

    /// Puts back what could not be written; a later use of the same key is kept.
    pub(super) fn restore(&mut self, batch: Vec<KeyUse>) {
        for used in batch {
            let unwritten = self.unwritten.entry(used.key_id).or_insert(used);
            if unwritten.at < used.at {
                *unwritten = used;
            }
        }
    }
}

#[cfg(test)]
mod tests;
