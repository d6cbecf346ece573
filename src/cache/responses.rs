//! The last good answers of the catalogue. An answer of the present epoch is fresh and costs no
//! statement; an older one is read again, and answered as stale only while the database is away.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::sync::Cache;

/// The most that is remembered, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// For how long anything is remembered.
const MAX_AGE: Duration = Duration::from_hours(1);
/// Not having heard the epoch for so long, nothing is trusted to be fresh.
const TRUST: Duration = Duration::from_secs(10);

/// An answer: everything but what belongs to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its JSON text; all copies of an answer share it.
    pub body: Bytes,
    /// Its version, unquoted, where it has one.
    pub version: Option<String>,
    /// Headers that go with it.
    pub headers: Vec<(&'static str, String)>,
}

/// What is remembered of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recollection {
    /// Nothing has changed since.
    Fresh(Answer),
    /// Something may have changed since; its age.
    Stale(Answer, Duration),
    Nothing,
}

#[derive(Clone)]
struct Entry {
    answer: Answer,
    epoch: i64,
    at: Instant,
}

/// The memory.
pub struct Answers {
    entries: Cache<String, Entry>,
    epoch: AtomicI64,
    heard: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Answers").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Default for Answers {
    fn default() -> Self {
        let weight = |key: &String, entry: &Entry| {
            let headers: usize =
                entry.answer.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            u32::try_from(key.len() + entry.answer.body.len() + headers + 256).unwrap_or(u32::MAX)
        };
        let entries =
            Cache::builder().weigher(weight).max_capacity(MAX_BYTES).time_to_live(MAX_AGE).build();
        Self { entries, epoch: AtomicI64::new(0), heard: Mutex::new(None) }
    }
}

impl Answers {
    /// What is remembered of a question.
    pub fn recall(&self, question: &str, now: Instant) -> Recollection {
        let Some(entry) = self.entries.get(question) else { return Recollection::Nothing };
        let age = now.saturating_duration_since(entry.at);
        if age >= MAX_AGE {
            return Recollection::Nothing;
        }
        if entry.epoch == self.epoch() && self.is_trusted(now) {
            Recollection::Fresh(entry.answer)
        } else {
            Recollection::Stale(entry.answer, age)
        }
    }

    /// Whether there is nothing that could be answered while the database is unavailable.
    pub fn is_empty(&self) -> bool {
        self.entries.iter().next().is_none()
    }

    /// The epoch that a read begins under; to be asked before the database is.
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Remembers an answer that was read from `epoch` on. One that began under an older epoch never
    /// replaces a newer.
    pub fn remember(&self, question: &str, answer: Answer, epoch: i64, now: Instant) {
        let entry = Entry { answer, epoch, at: now };
        self.entries.entry_by_ref(question).and_upsert_with(|present| match present {
            Some(present) if present.value().epoch > epoch => present.into_value(),
            _ => entry,
        });
    }

    /// Hears the catalogue's epoch, from whomever; it never goes back.
    pub fn hear(&self, epoch: i64, now: Instant) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = (*heard).max(Some(now));
    }

    fn is_trusted(&self, now: Instant) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| now.saturating_duration_since(at) <= TRUST)
    }
}

#[cfg(test)]
mod tests;
