//! Negative entries for buckets that were full in the database: hits of other processes, or of this
//! one before a restart, are not in the windows of this process. Until an entry expires, a refused
//! request costs no statement.

use std::sync::{Mutex, PoisonError};

use crate::cache::two_generations::TwoGenerations;
use crate::rate_limit::sliding_window::Wait;

const MAX_ENTRIES: usize = 20_000;
/// Lifetime of an entry in milliseconds. Another process may have released a hit of the bucket
/// since, so the database is asked again after this time.
const RECHECK: i64 = 10_000;

/// The buckets that are known to be full, by subject.
#[derive(Debug)]
pub(super) struct FullBuckets(Mutex<FullEntries>);

#[derive(Debug)]
struct FullEntries {
    full: TwoGenerations<String, FullBucket>,
    /// Hits that this process has released in the database.
    releases: u64,
}

/// Both in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
struct FullBucket {
    full_until: i64,
    read_at: i64,
}

impl Default for FullBuckets {
    fn default() -> Self {
        Self(Mutex::new(FullEntries { full: TwoGenerations::new(MAX_ENTRIES, |_| 1), releases: 0 }))
    }
}

impl FullBuckets {
    /// Checks that a bucket is not known to be full.
    ///
    /// # Errors
    /// [`Wait`] until it has room.
    pub(super) fn check(&self, subject: &str, now: i64) -> Result<(), Wait> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.full.get(&subject.to_owned()) else { return Ok(()) };
        let is_current = now < entry.read_at.saturating_add(RECHECK) && now < entry.full_until;
        if is_current { Err(Wait(entry.full_until.saturating_sub(now))) } else { Ok(()) }
    }

    /// Returns how many hits were released. To be read before the database is asked.
    pub(super) fn releases(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).releases
    }

    /// Inserts a bucket that the database has found full, unless a hit was released since
    /// `releases` was read: that release may have made room.
    pub(super) fn insert(&self, subject: String, wait: Wait, now: i64, releases: u64) {
        let entry = FullBucket { full_until: now.saturating_add(wait.0), read_at: now };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.releases == releases {
            entries.full.insert(subject, entry);
        }
    }

    /// Removes the buckets of a hit that was released in the database.
    pub(super) fn remove<'a>(&self, subjects: impl Iterator<Item = &'a String>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.releases = entries.releases.wrapping_add(1);
        for subject in subjects {
            entries.full.remove(subject);
        }
    }
}

#[cfg(test)]
mod tests;
