//! Entries of the response cache: their keys, what they hold, and what they weigh.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::{Equivalent, Weighter};

use super::epochs::CatalogueEpoch;
use super::published::Dependency;

/// What an entry takes beside its key and its response, in bytes: its places in the maps of the
/// library, with their growth, and the counters of what is shared. A test measures it.
pub(super) const ENTRY_OVERHEAD: usize = 320;

/// How the body of a cached response is encoded. Each encoding of a response is an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyEncoding {
    Identity,
    Brotli,
    Gzip,
    Deflate,
    Zstd,
}

/// A response that the cache holds.
pub trait WeighedResponse {
    /// Returns how much memory it takes, in bytes.
    fn bytes(&self) -> usize;
}

/// The key of an entry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct EntryKey {
    pub(super) text: String,
    pub(super) encoding: BodyEncoding,
}

/// A key for a lookup, which needs no allocation.
#[derive(Hash)]
pub(super) struct BorrowedKey<'a> {
    pub(super) text: &'a str,
    pub(super) encoding: BodyEncoding,
}

impl Equivalent<EntryKey> for BorrowedKey<'_> {
    fn equivalent(&self, key: &EntryKey) -> bool {
        self.encoding == key.encoding && self.text == key.text
    }
}

/// A response, and when it was read. All copies share the response.
#[derive(Debug)]
pub struct CachedEntry<R> {
    pub response: Arc<R>,
    pub(super) dependency: Dependency,
    pub(super) epoch: CatalogueEpoch,
    pub(super) inserted_at: Instant,
}

// Not derived, which would require `R: Clone`.
impl<R> Clone for CachedEntry<R> {
    fn clone(&self) -> Self {
        let Self { dependency, epoch, inserted_at, .. } = *self;
        Self { response: Arc::clone(&self.response), dependency, epoch, inserted_at }
    }
}

impl<R> CachedEntry<R> {
    /// Creates the entry of a response that was read at `epoch` or later and has arrived at `now`.
    pub fn new(response: R, dependency: Dependency, epoch: CatalogueEpoch, now: Instant) -> Self {
        Self { response: Arc::new(response), dependency, epoch, inserted_at: now }
    }

    /// Returns the entry of another encoding of the response, which was read at the same time.
    #[must_use]
    pub fn with_response(&self, response: R) -> Self {
        Self { response: Arc::new(response), ..self.clone() }
    }

    /// Whether it was read after another.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.epoch, self.inserted_at) > (other.epoch, other.inserted_at)
    }

    /// Returns the time since the response was read.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.inserted_at)
    }
}

/// Weighs an entry in bytes.
#[derive(Clone)]
pub(super) struct EntryBytes;

impl<R: WeighedResponse> Weighter<EntryKey, CachedEntry<R>> for EntryBytes {
    fn weight(&self, key: &EntryKey, entry: &CachedEntry<R>) -> u64 {
        let bytes = key.text.len() + entry.response.bytes() + ENTRY_OVERHEAD;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}
