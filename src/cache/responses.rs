//! Cached responses of the catalogue. An entry is fresh while nothing has changed that it depends
//! on (`epochs`): one item, or for a list the whole catalogue. It is then sent without a
//! statement; a stale one is sent only while the database is unavailable.
//! `http::catalogue` fills it, `app::service::invalidation` applies changes.

mod entry;
mod epochs;
mod published;

use std::time::{Duration, Instant};

use quick_cache::sync::{Cache, EntryAction, EntryResult};

pub use self::entry::{BodyEncoding, CachedEntry, WeighedResponse};
use self::entry::{BorrowedKey, EntryBytes, EntryKey};
pub use self::epochs::{CatalogueEpoch, CatalogueEpochs};
pub use self::published::Dependency;
use super::weighted;

/// Maximum age of an entry.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The result of a lookup.
#[derive(Debug)]
pub enum CacheLookup<R> {
    Fresh(CachedEntry<R>),
    /// What it depends on may have changed since.
    Stale(CachedEntry<R>),
    Miss,
}

/// A cache of responses, bounded in bytes and age.
pub struct ResponseCache<R> {
    entries: Cache<EntryKey, CachedEntry<R>, EntryBytes>,
    /// What entries are compared with.
    pub epochs: CatalogueEpochs,
}

impl<R> std::fmt::Debug for ResponseCache<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ResponseCache")
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}

impl<R: WeighedResponse> ResponseCache<R> {
    /// Creates a cache of at most so many bytes; 0 keeps nothing. An eighth is the largest entry.
    pub fn new(max_bytes: u64) -> Self {
        let entries = weighted::bounded(max_bytes, EntryBytes);
        Self { entries, epochs: CatalogueEpochs::default() }
    }

    /// Looks up the response to a request. A hit copies nothing.
    pub fn get(&self, key: &str, encoding: BodyEncoding, now: Instant) -> CacheLookup<R> {
        let key = BorrowedKey { text: key, encoding };
        let Some(entry) = self.entries.get(&key) else { return CacheLookup::Miss };
        if entry.age(now) >= MAX_AGE {
            return CacheLookup::Miss;
        }
        if self.epochs.is_fresh(entry.epoch, entry.dependency, now) {
            CacheLookup::Fresh(entry)
        } else {
            CacheLookup::Stale(entry)
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

    /// Inserts an entry. It never replaces one that was read at a newer epoch.
    pub fn insert(&self, key: &str, encoding: BodyEncoding, entry: CachedEntry<R>) {
        let key = EntryKey { text: key.to_owned(), encoding };
        let place = self.entries.entry(&key, None, |_, present| {
            if present.epoch > entry.epoch {
                EntryAction::Retain(())
            } else {
                EntryAction::ReplaceWithGuard
            }
        });
        if let EntryResult::Vacant(place) | EntryResult::Replaced(place, _) = place {
            // Refused only if the entry is removed meanwhile, which nothing does.
            let _ = place.insert(entry);
        }
    }
}

#[cfg(test)]
mod tests;
