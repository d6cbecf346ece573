//! An exact sliding window: never more hits than the quota in any period of the window's length,
//! wherever that period begins. Fixed windows and leaky buckets (GCRA) admit up to twice as many
//! around a boundary or after a pause; this keeps the time of each hit, at eight bytes a hit.

use std::collections::VecDeque;

/// How many hits a window admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Maximum number of hits in a window.
    pub limit: usize,
    /// Length of the window in milliseconds.
    pub window: i64,
}

/// What is left of a window after a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    /// Number of hits left.
    pub remaining: usize,
    /// Milliseconds until the oldest hit leaves the window.
    pub reset: i64,
}

/// The window is full; the next hit is admitted after this many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub i64);

/// The hits of one client, in milliseconds since 1970, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(VecDeque<i64>);

impl Hits {
    /// Creates a window from stored hits, in any order.
    pub fn from_instants(mut instants: Vec<i64>) -> Self {
        instants.sort_unstable();
        Self(instants.into())
    }

    /// Returns the number of hits, expired ones included.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds a hit.
    ///
    /// # Errors
    /// [`Wait`] when the window is full. A client that waits that long is admitted, unless another
    /// request of it takes the hit.
    pub fn reserve(&mut self, quota: Quota, now: i64) -> Result<WindowState, Wait> {
        self.expire(quota.window, now);
        let count = self.0.len();
        if count >= quota.limit {
            // All excess hits must leave: more than one if the quota was lowered.
            let leaves = self.0.get(count - quota.limit).copied().unwrap_or(now);
            return Err(Wait(leaves.saturating_add(quota.window).saturating_sub(now).max(1)));
        }
        self.add(now);
        let oldest = self.0.front().copied().unwrap_or(now);
        Ok(WindowState {
            remaining: quota.limit.saturating_sub(count).saturating_sub(1),
            reset: oldest.saturating_add(quota.window).saturating_sub(now),
        })
    }

    /// Removes the hits that have left the window.
    pub(super) fn expire(&mut self, window: i64, now: i64) {
        let expired = self.0.partition_point(|at| now.saturating_sub(*at) >= window);
        self.0.drain(..expired);
    }

    /// Adds a hit, in order.
    pub(super) fn add(&mut self, now: i64) {
        let at = self.0.partition_point(|earlier| *earlier <= now);
        self.0.insert(at, now);
    }

    /// Iterates over the hits, oldest first.
    pub(super) fn instants(&self) -> impl Iterator<Item = i64> {
        self.0.iter().copied()
    }

    /// Removes a hit that was added at this instant.
    pub fn release(&mut self, at: i64) {
        if let Ok(index) = self.0.binary_search(&at) {
            self.0.remove(index);
        }
    }

    /// Removes the hits that were not added at one of these instants.
    pub fn retain(&mut self, instants: &[i64]) {
        self.0.retain(|at| instants.contains(at));
    }
}

/// Returns whole seconds, rounded up and at least one, so that a client that waits that long has
/// waited long enough.
pub fn seconds(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(999).div_euclid(1000).max(1)
}

#[cfg(test)]
mod tests;
