//! Callers with their own window in bounded memory, and what has to be exchanged with other
//! processes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::cache::two_generations::Generations;
use crate::rate_limit::shared_window::{SharedWindow, Slot, slot_length};
use crate::rate_limit::sliding_window::{Quota, Standing, Wait};

/// What all windows may weigh, in hits: some 30 MiB. Beyond it, those that were not used for the
/// longest time are dropped.
const MOST: usize = 3_000_000;
/// A caller's own cost beside its hits.
const ENTRY: usize = 24;
/// The most callers in one exchange; the others wait for the next.
const BATCH: usize = 10_000;

/// A caller: an API key, or a user who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallerId {
    Key(Uuid),
    User(Uuid),
}

impl std::fmt::Display for CallerId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(formatter, "key {id}"),
            Self::User(id) => write!(formatter, "user {id}"),
        }
    }
}

/// The windows of all callers.
#[derive(Debug)]
pub struct Callers(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    windows: Generations<CallerId, SharedWindow>,
    /// Callers that were served or refused since the last exchange.
    active: HashSet<CallerId>,
}

/// What one exchange is about.
#[derive(Debug, Default)]
pub struct Batch {
    pub callers: Vec<CallerId>,
    /// Own slots that the other processes have to learn of.
    pub unsent: Vec<(CallerId, Slot)>,
}

impl Default for Callers {
    fn default() -> Self {
        let weigh = |window: &SharedWindow| ENTRY.saturating_add(window.weight());
        Self(Mutex::new(Inner { windows: Generations::new(MOST, weigh), active: HashSet::new() }))
    }
}

impl Callers {
    /// Takes a hit for a caller, if one is left.
    ///
    /// # Errors
    /// [`Wait`].
    pub fn reserve(&self, caller: CallerId, quota: Quota, now: i64) -> Result<Standing, Wait> {
        self.change(caller, |window| window.reserve(quota, now))
    }

    /// Gives one back that was taken at that moment.
    pub fn release(&self, caller: CallerId, at: i64) {
        self.change(caller, |window| window.release(at));
    }

    fn change<R>(&self, caller: CallerId, change: impl FnOnce(&mut SharedWindow) -> R) -> R {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.active.len() < BATCH {
            inner.active.insert(caller);
        }
        inner.windows.change(caller, SharedWindow::default, change)
    }

    /// What is to be exchanged since the last time.
    pub fn batch(&self, window: i64, now: i64) -> Batch {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let callers: Vec<CallerId> = inner.active.drain().collect();
        let unsent = callers.iter().filter_map(|caller| Some((caller, inner.windows.get(caller)?)));
        let unsent = unsent.flat_map(|(caller, own)| {
            own.unsent(window, now).into_iter().map(|slot| (*caller, slot))
        });
        Batch { unsent: unsent.collect(), callers }
    }

    /// The exchange was made: this is what the others have counted.
    pub fn exchanged(
        &self,
        batch: Batch,
        mut others: HashMap<CallerId, Vec<Slot>>,
        window: i64,
        now: i64,
    ) {
        let mut sent: HashMap<CallerId, Vec<Slot>> = HashMap::new();
        for (caller, slot) in batch.unsent {
            sent.entry(caller).or_default().push(slot);
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for caller in batch.callers {
            let (own, others) = (
                sent.remove(&caller).unwrap_or_default(),
                others.remove(&caller).unwrap_or_default(),
            );
            inner.windows.change(caller, SharedWindow::default, |caller| {
                caller.sent(&own, window, now);
                caller.replace_others(others);
            });
        }
    }

    /// The exchange failed: it is made again with the next one.
    pub fn failed(&self, batch: Batch) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = BATCH.saturating_sub(inner.active.len());
        inner.active.extend(batch.callers.into_iter().take(room));
    }
}

/// The first slot that counts in a window that ends now.
pub fn first_slot(window: i64, now: i64) -> i64 {
    now.saturating_sub(window).saturating_sub(slot_length(window))
}

#[cfg(test)]
mod tests;
