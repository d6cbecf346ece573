//! An exact window: never more than so many hits in any stretch of time of the given length,
//! wherever it begins.
//!
//! Counters per interval and leaky buckets (GCRA) let up to twice as many through around a
//! boundary, or after a pause; this keeps the instants themselves, which costs eight bytes a hit.

use std::collections::VecDeque;

/// How many hits in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most hits.
    pub most: usize,
    /// In so many milliseconds.
    pub window: i64,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Hits that are left now.
    pub remaining: usize,
    /// Milliseconds until there is one more.
    pub reset: i64,
}

/// No hit is left; in so many milliseconds there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub i64);

/// The hits of one client, in milliseconds since 1970, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(VecDeque<i64>);

impl Hits {
    /// Those that were written down elsewhere.
    pub fn of(mut instants: Vec<i64>) -> Self {
        instants.sort_unstable();
        Self(instants.into())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes one, if one is left.
    ///
    /// # Errors
    /// [`Wait`]; whoever waits so long, while nobody else takes any, gets through.
    pub fn reserve(&mut self, quota: Quota, now: i64) -> Result<Standing, Wait> {
        self.expire(quota.window, now);
        let count = self.0.len();
        if count >= quota.most {
            // As many as are too many must go; a smaller quota than before may leave more than one.
            let leaves = self.0.get(count - quota.most).copied().unwrap_or(now);
            return Err(Wait(leaves.saturating_add(quota.window).saturating_sub(now).max(1)));
        }
        self.add(now);
        let oldest = self.0.front().copied().unwrap_or(now);
        Ok(Standing {
            remaining: quota.most.saturating_sub(count).saturating_sub(1),
            reset: oldest.saturating_add(quota.window).saturating_sub(now),
        })
    }

    /// Removes those that are older than the window.
    pub(super) fn expire(&mut self, window: i64, now: i64) {
        let gone = self.0.partition_point(|at| now.saturating_sub(*at) >= window);
        self.0.drain(..gone);
    }

    /// Adds one, in order.
    pub(super) fn add(&mut self, now: i64) {
        let at = self.0.partition_point(|earlier| *earlier <= now);
        self.0.insert(at, now);
    }

    /// All of them, the oldest first.
    pub(super) fn instants(&self) -> impl Iterator<Item = i64> {
        self.0.iter().copied()
    }

    /// Gives one back that was taken at that moment.
    pub fn release(&mut self, at: i64) {
        if let Ok(place) = self.0.binary_search(&at) {
            self.0.remove(place);
        }
    }

    /// Removes those that were not taken at one of these moments.
    pub fn retain(&mut self, instants: &[i64]) {
        self.0.retain(|at| instants.contains(at));
    }
}

/// Milliseconds as whole seconds, rounded up, at least one: whoever waits so long has waited long
/// enough.
pub fn seconds(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(999).div_euclid(1000).max(1)
}

#[cfg(test)]
mod tests;
