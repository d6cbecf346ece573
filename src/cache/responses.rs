//! Cached responses of the catalogue. An entry of the current catalogue epoch is fresh and is sent
//! without a statement; an older one is stale and is sent only while the database is unavailable.
//! `http::catalogue` fills it, `app::service::invalidation` confirms the epoch.
//!
//! Epochs are compared within one incarnation only, in which the counter grows. An epoch that went
//! back (a failover, a restored backup) starts a new one, in which no older entry is fresh.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, EntryAction, EntryResult};

use super::weighted;

/// Maximum weight of all entries, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum age of an entry.
const MAX_AGE: Duration = Duration::from_hours(1);
/// When the epoch was not confirmed for this long, no entry is fresh.
const EPOCH_MAX_AGE: Duration = Duration::from_secs(10);
/// About what an entry takes beside its texts, in bytes.
const ENTRY_OVERHEAD: usize = 256;

/// A response without what belongs to a single request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedResponse {
    /// The JSON text; all copies of a response share it.
    pub body: Bytes,
    /// The value of `ETag` without quotes, for single items.
    pub version: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheLookup {
    Fresh(CachedResponse),
    /// The catalogue may have changed since; with the age of the entry.
    Stale(CachedResponse, Duration),
    Miss,
}

/// A catalogue epoch and the incarnation in which it was read. Later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogueEpoch {
    incarnation: u64,
    number: i64,
}

#[derive(Clone)]
struct CacheEntry {
    response: CachedResponse,
    epoch: CatalogueEpoch,
    inserted_at: Instant,
}

impl CacheEntry {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.inserted_at)
    }
}

/// What is known of the counter in the database.
#[derive(Debug, Default)]
struct KnownEpoch {
    current: CatalogueEpoch,
    confirmed_at: Option<Instant>,
}

/// Weighs an entry in bytes.
#[derive(Clone)]
struct EntryBytes;

impl Weighter<String, CacheEntry> for EntryBytes {
    fn weight(&self, key: &String, entry: &CacheEntry) -> u64 {
        let headers = entry.response.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        let bytes = key.len() + entry.response.body.len() + headers + ENTRY_OVERHEAD;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// A cache of responses, bounded in bytes and age.
pub struct ResponseCache {
    entries: Cache<String, CacheEntry, EntryBytes>,
    epoch: Mutex<KnownEpoch>,
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResponseCache").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Default for ResponseCache {
    fn default() -> Self {
        let entries = weighted::bounded(MAX_BYTES, EntryBytes);
        Self { entries, epoch: Mutex::default() }
    }
}

impl ResponseCache {
    /// Looks up the response to a request.
    pub fn get(&self, key: &str, now: Instant) -> CacheLookup {
        let Some(entry) = self.entries.get(key) else { return CacheLookup::Miss };
        let age = entry.age(now);
        if age >= MAX_AGE {
            return CacheLookup::Miss;
        }
        let is_fresh = {
            let known = self.lock_epoch();
            entry.epoch == known.current && known.is_confirmed(now)
        };
        if is_fresh {
            CacheLookup::Fresh(entry.response)
        } else {
            CacheLookup::Stale(entry.response, age)
        }
    }

    /// Whether there is no response to send while the database is unavailable.
    pub fn is_empty(&self, now: Instant) -> bool {
        self.entries.iter().all(|(_, entry)| entry.age(now) >= MAX_AGE)
    }

    /// Returns the approximate size of all entries, in bytes.
    pub fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    /// Returns the current catalogue epoch. A read takes it before it asks the database.
    pub fn epoch(&self) -> CatalogueEpoch {
        self.lock_epoch().current
    }

    /// Returns the current catalogue epoch if it was confirmed lately, so that what was read at it
    /// is fresh.
    pub fn confirmed_epoch(&self, now: Instant) -> Option<CatalogueEpoch> {
        let known = self.lock_epoch();
        known.is_confirmed(now).then_some(known.current)
    }

    /// Inserts a response that was read at `epoch` or later. It never replaces one of a newer
    /// epoch.
    pub fn insert(&self, key: &str, response: CachedResponse, epoch: CatalogueEpoch, now: Instant) {
        let place = self.entries.entry(key, None, |_, present| {
            if present.epoch > epoch {
                EntryAction::Retain(())
            } else {
                EntryAction::ReplaceWithGuard
            }
        });
        if let EntryResult::Vacant(place) | EntryResult::Replaced(place, _) = place {
            // Refused only if the entry is removed meanwhile, which nothing does.
            let _ = place.insert(CacheEntry { response, epoch, inserted_at: now });
        }
    }

    /// Applies an epoch that a notification announced at `now`. It may arrive late, so that a lower
    /// one says nothing.
    pub fn apply_notified_epoch(&self, number: i64, now: Instant) {
        self.lock_epoch().raise(number, now);
    }

    /// Applies an epoch that was polled at `now`, when `before` was the current one. A lower one
    /// starts a new incarnation. After an incarnation that started meanwhile, the result may be
    /// older than it, and the next poll decides.
    pub fn apply_polled_epoch(&self, number: i64, before: CatalogueEpoch, now: Instant) {
        let mut known = self.lock_epoch();
        if known.current.incarnation != before.incarnation {
            return;
        }
        if number < before.number {
            known.start_incarnation(number);
        }
        known.raise(number, now);
    }

    /// Applies the epoch of a committed change: `locked` before it and `committed` with it.
    /// `before` was current when its transaction began. When this returns, nothing read before the
    /// change is fresh.
    pub fn apply_committed_epoch(
        &self,
        (locked, committed): (i64, i64),
        before: CatalogueEpoch,
        now: Instant,
    ) {
        let mut known = self.lock_epoch();
        // The counter may already have grown past its old value, so that only the value before the
        // change shows that it went back.
        if known.current.incarnation != before.incarnation || locked < before.number {
            known.start_incarnation(committed);
        }
        known.raise(committed, now);
    }

    /// Starts a new incarnation, because changes may have been missed: no entry is fresh.
    pub fn start_incarnation(&self) {
        let mut known = self.lock_epoch();
        let number = known.current.number;
        known.start_incarnation(number);
    }

    fn lock_epoch(&self) -> MutexGuard<'_, KnownEpoch> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownEpoch {
    /// The counter had at least this value at `now`.
    fn raise(&mut self, number: i64, now: Instant) {
        self.current.number = self.current.number.max(number);
        self.confirmed_at = self.confirmed_at.max(Some(now));
    }

    fn start_incarnation(&mut self, number: i64) {
        let incarnation = self.current.incarnation.saturating_add(1);
        self.current = CatalogueEpoch { incarnation, number };
    }

    fn is_confirmed(&self, now: Instant) -> bool {
        self.confirmed_at.is_some_and(|at| now.saturating_duration_since(at) <= EPOCH_MAX_AGE)
    }
}

#[cfg(test)]
mod tests;
