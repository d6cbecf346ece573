//! Windows of many clients in bounded memory. When there are too many, those that were not seen for
//! the longest time are forgotten: who can send from so many addresses gains nothing by it that it
//! did not have.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::cache::two_generations::Generations;
use crate::rate_limit::sliding_window::{Hits, Quota, Standing, Wait};

const SHARDS: usize = 16;
/// What all shards may weigh, in hits; an entry without hits weighs as much as [`ENTRY`] of them.
/// Measured: 30 to 50 MiB.
const MOST: usize = 3_000_000;
/// A client's own cost: its key, its list, its place in the map.
const ENTRY: usize = 12;

/// The windows of one policy.
#[derive(Debug)]
pub struct Shield<K> {
    shards: [Mutex<Generations<K, Hits>>; SHARDS],
    hasher: RandomState,
    quota: Quota,
}

impl<K: Hash + Eq> Shield<K> {
    /// Empty.
    pub fn new(quota: Quota) -> Self {
        let shard =
            |_| Mutex::new(Generations::new(MOST / SHARDS, |hits: &Hits| ENTRY + hits.count()));
        Self { shards: std::array::from_fn(shard), hasher: RandomState::new(), quota }
    }

    /// Takes a hit for a client, if one is left.
    ///
    /// # Errors
    /// [`Wait`].
    pub fn reserve(&self, client: K, now: i64) -> Result<Standing, Wait> {
        self.reserve_within(client, self.quota, now)
    }

    /// The same within another quota, for a client that has its own.
    ///
    /// # Errors
    /// [`Wait`].
    pub fn reserve_within(&self, client: K, quota: Quota, now: i64) -> Result<Standing, Wait> {
        self.change(client, |hits| hits.reserve(quota, now)).unwrap_or(Err(Wait(quota.window)))
    }

    /// Gives one back that was taken at that moment.
    pub fn release(&self, client: K, at: i64) {
        self.change(client, |hits| hits.release(at));
    }

    /// Removes the hits of a client that were not taken at one of these moments.
    pub fn retain(&self, client: K, instants: &[i64]) {
        self.change(client, |hits| hits.retain(instants));
    }

    fn change<R>(&self, client: K, change: impl FnOnce(&mut Hits) -> R) -> Option<R> {
        let shard = usize::try_from(self.hasher.hash_one(&client) % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards.get(shard)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(shard.change(client, Hits::default, change))
    }

    /// How many clients are remembered.
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
// The figures that a test measures.
#[allow(clippy::print_stderr)]
mod tests;
