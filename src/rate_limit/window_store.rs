//! The windows of many clients in bounded memory. When there are too many, those that were not used
//! for the longest time are dropped: a client with so many addresses gains nothing by it, because
//! each address has a quota of its own.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::cache::two_generations::TwoGenerations;
use crate::rate_limit::sliding_window::{Hits, Quota, Wait, WindowState};

const SHARDS: usize = 16;
/// Maximum weight of all shards, in hits. Measured: 30 to 50 MiB.
const MAX_WEIGHT: usize = 3_000_000;
/// Weight of a client without hits, in hits: its key, its list and its entry in the map.
const ENTRY_WEIGHT: usize = 12;

/// The windows of one policy.
#[derive(Debug)]
pub struct WindowStore<K> {
    shards: [Mutex<TwoGenerations<K, Hits>>; SHARDS],
    hasher: RandomState,
    quota: Quota,
}

impl<K: Hash + Eq> WindowStore<K> {
    /// Creates an empty store.
    pub fn new(quota: Quota) -> Self {
        let weigh = |hits: &Hits| ENTRY_WEIGHT + hits.count();
        let shard = |_| Mutex::new(TwoGenerations::new(MAX_WEIGHT / SHARDS, weigh));
        Self { shards: std::array::from_fn(shard), hasher: RandomState::new(), quota }
    }

    /// Adds a hit to a client's window.
    ///
    /// # Errors
    /// [`Wait`] when the window is full.
    pub fn reserve(&self, client: K, now: i64) -> Result<WindowState, Wait> {
        self.reserve_within(client, self.quota, now)
    }

    /// Adds a hit to the window of a client that has a quota of its own.
    ///
    /// # Errors
    /// [`Wait`] when the window is full.
    pub fn reserve_within(&self, client: K, quota: Quota, now: i64) -> Result<WindowState, Wait> {
        self.update(client, |hits| hits.reserve(quota, now)).unwrap_or(Err(Wait(quota.window)))
    }

    /// Removes a hit that was added at this instant.
    pub fn release(&self, client: K, at: i64) {
        self.update(client, |hits| hits.release(at));
    }

    /// Removes the hits of a client that were not added at one of these instants.
    pub fn retain(&self, client: K, instants: &[i64]) {
        self.update(client, |hits| hits.retain(instants));
    }

    fn update<R>(&self, client: K, update: impl FnOnce(&mut Hits) -> R) -> Option<R> {
        let index = usize::try_from(self.hasher.hash_one(&client) % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards.get(index)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(shard.update_or_insert_with(client, Hits::default, update))
    }

    /// Returns the number of clients.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }
}

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "the test prints what it measures")]
mod tests;
