//! Cached responses of the catalogue. An entry of the current catalogue epoch is fresh and is sent
//! without a statement; an older one is stale and is sent only while the database is unavailable.
//! `http::catalogue` fills it, `app::service::invalidation` confirms the epoch.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::sync::Cache;

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

#[derive(Clone)]
struct CacheEntry {
    response: CachedResponse,
    epoch: i64,
    inserted_at: Instant,
}

/// A cache of responses, bounded in bytes and age.
pub struct ResponseCache {
    entries: Cache<String, CacheEntry>,
    epoch: AtomicI64,
    epoch_confirmed_at: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResponseCache").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Default for ResponseCache {
    fn default() -> Self {
        let weight = |key: &String, entry: &CacheEntry| {
            let headers = entry.response.headers.iter();
            let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
            let bytes = key.len() + entry.response.body.len() + headers + ENTRY_OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let entries =
            Cache::builder().weigher(weight).max_capacity(MAX_BYTES).time_to_live(MAX_AGE).build();
        Self { entries, epoch: AtomicI64::new(0), epoch_confirmed_at: Mutex::new(None) }
    }
}

impl ResponseCache {
    /// Looks up the response to a request.
    pub fn get(&self, key: &str, now: Instant) -> CacheLookup {
        let Some(entry) = self.entries.get(key) else { return CacheLookup::Miss };
        let age = now.saturating_duration_since(entry.inserted_at);
        if age >= MAX_AGE {
            return CacheLookup::Miss;
        }
        if entry.epoch == self.epoch() && self.is_epoch_current(now) {
            CacheLookup::Fresh(entry.response)
        } else {
            CacheLookup::Stale(entry.response, age)
        }
    }

    /// Whether there is no response to send while the database is unavailable.
    pub fn is_empty(&self) -> bool {
        self.entries.iter().next().is_none()
    }

    /// Returns the current catalogue epoch. A read takes it before it asks the database.
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Inserts a response that was read at `epoch` or later. It never replaces one of a newer
    /// epoch.
    pub fn insert(&self, key: &str, response: CachedResponse, epoch: i64, now: Instant) {
        let entry = CacheEntry { response, epoch, inserted_at: now };
        self.entries.entry_by_ref(key).and_upsert_with(|present| match present {
            Some(present) if present.value().epoch > epoch => present.into_value(),
            _ => entry,
        });
    }

    /// Sets the catalogue epoch as it was in the database at `now`; it never decreases.
    pub fn confirm_epoch(&self, epoch: i64, now: Instant) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
        let mut confirmed = self.epoch_confirmed_at.lock().unwrap_or_else(PoisonError::into_inner);
        *confirmed = (*confirmed).max(Some(now));
    }

    fn is_epoch_current(&self, now: Instant) -> bool {
        let confirmed = *self.epoch_confirmed_at.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.is_some_and(|at| now.saturating_duration_since(at) <= EPOCH_MAX_AGE)
    }
}

#[cfg(test)]
mod tests;
