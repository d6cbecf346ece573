//! The windows of callers (API keys and users) whose hits several processes count together, in
//! bounded memory, and what this process has to exchange with the others.
//! `app::service::caller_exchange` exchanges it through the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::cache::two_generations::TwoGenerations;
use crate::rate_limit::shared_window::{SharedWindow, TimeSlot, slot_length};
use crate::rate_limit::sliding_window::{Quota, Wait, WindowState};

/// Maximum weight of all windows, in hits: about 30 MiB. Beyond it, those that were not used for
/// the longest time are dropped.
const MAX_WEIGHT: usize = 3_000_000;
/// Weight of a caller without hits, in hits.
const ENTRY_WEIGHT: usize = 24;
/// Maximum number of callers in one exchange; the others wait for the next.
const MAX_BATCH: usize = 10_000;

/// An API key, or a user with a session.
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
pub struct CallerWindows(Mutex<Windows>);

#[derive(Debug)]
struct Windows {
    by_caller: TwoGenerations<CallerId, SharedWindow>,
    /// Callers with requests since the last exchange.
    active: HashSet<CallerId>,
}

/// What one exchange sends and asks for.
#[derive(Debug, Default)]
pub struct ExchangeBatch {
    pub callers: Vec<CallerId>,
    /// Own slots that the other processes do not know.
    pub unsent: Vec<(CallerId, TimeSlot)>,
}

impl Default for CallerWindows {
    fn default() -> Self {
        let weigh = |window: &SharedWindow| ENTRY_WEIGHT.saturating_add(window.weight());
        Self(Mutex::new(Windows {
            by_caller: TwoGenerations::new(MAX_WEIGHT, weigh),
            active: HashSet::new(),
        }))
    }
}

impl CallerWindows {
    /// Adds a hit to a caller's window.
    ///
    /// # Errors
    /// [`Wait`] when the window is full.
    pub fn reserve(&self, caller: CallerId, quota: Quota, now: i64) -> Result<WindowState, Wait> {
        self.update(caller, |window| window.reserve(quota, now))
    }

    /// Removes a hit that was added at this instant.
    pub fn release(&self, caller: CallerId, at: i64) {
        self.update(caller, |window| window.release(at));
    }

    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update<R>(&self, caller: CallerId, update: impl FnOnce(&mut SharedWindow) -> R) -> R {
        let mut windows = self.lock();
        if windows.active.len() < MAX_BATCH {
            windows.active.insert(caller);
        }
        windows.by_caller.update_or_insert_with(caller, SharedWindow::default, update)
    }

    /// Takes what is to be exchanged since the last time.
    pub fn take_batch(&self, window: i64, now: i64) -> ExchangeBatch {
        let mut windows = self.lock();
        let callers: Vec<CallerId> = windows.active.drain().collect();
        let known =
            callers.iter().filter_map(|caller| Some((caller, windows.by_caller.get(caller)?)));
        let unsent = known.flat_map(|(caller, own)| {
            own.unsent(window, now).into_iter().map(|slot| (*caller, slot))
        });
        ExchangeBatch { unsent: unsent.collect(), callers }
    }

    /// Applies a successful exchange; `others` are the slots of the other processes.
    pub fn complete_exchange(
        &self,
        batch: ExchangeBatch,
        mut others: HashMap<CallerId, Vec<TimeSlot>>,
        window: i64,
        now: i64,
    ) {
        let mut sent: HashMap<CallerId, Vec<TimeSlot>> = HashMap::new();
        for (caller, slot) in batch.unsent {
            sent.entry(caller).or_default().push(slot);
        }
        let mut windows = self.lock();
        for caller in batch.callers {
            let (own, others) = (
                sent.remove(&caller).unwrap_or_default(),
                others.remove(&caller).unwrap_or_default(),
            );
            windows.by_caller.update_or_insert_with(caller, SharedWindow::default, |shared| {
                shared.mark_sent(&own, window, now);
                shared.set_others(others);
            });
        }
    }

    /// Adds the callers of a failed exchange to the next one.
    pub fn retry_exchange(&self, batch: ExchangeBatch) {
        let mut windows = self.lock();
        let free = MAX_BATCH.saturating_sub(windows.active.len());
        windows.active.extend(batch.callers.into_iter().take(free));
    }
}

/// Returns the begin of the oldest slot that counts in a window that ends now.
pub fn first_slot(window: i64, now: i64) -> i64 {
    now.saturating_sub(window).saturating_sub(slot_length(window))
}

#[cfg(test)]
mod tests;
