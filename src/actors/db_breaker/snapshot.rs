//! What the circuits have decided, to be read without a mailbox: an open circuit refuses in well
//! under a millisecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strum::EnumCount;

use super::circuit::Circuit;

/// Longer than any process lives.
const FOR_EVER: Duration = Duration::from_hours(876_000);

/// The decisions, and how often they were used.
#[derive(Debug)]
pub(super) struct Snapshot {
    base: Instant,
    /// Milliseconds from `base` until which a circuit refuses; 0 if it does not.
    refused_until: [AtomicU64; Circuit::COUNT],
    rejects: [AtomicU64; Circuit::COUNT],
}

/// What one circuit tells its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Ask the actor.
    Ask,
    /// Refused until then.
    Until(Instant),
    /// Refused until an operator says otherwise.
    Isolated,
}

impl Snapshot {
    pub(super) fn new(base: Instant) -> Self {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { base, refused_until: zeros(), rejects: zeros() }
    }

    /// The actor's word.
    pub(super) fn publish(&self, circuit: Circuit, decision: Decision) {
        let until = match decision {
            Decision::Ask => 0,
            Decision::Until(until) => self.milliseconds(until).saturating_add(1),
            Decision::Isolated => self.milliseconds(self.base + FOR_EVER),
        };
        if let Some(cell) = self.refused_until.get(circuit as usize) {
            cell.store(until, Ordering::Release);
        }
    }

    /// For how long this circuit refuses; none if the actor is to be asked.
    pub(super) fn refusal(&self, circuit: Circuit, now: Instant) -> Option<Duration> {
        let until = self.refused_until.get(circuit as usize)?.load(Ordering::Acquire);
        let left = until.checked_sub(self.milliseconds(now)).filter(|left| *left > 0)?;
        if let Some(cell) = self.rejects.get(circuit as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        Some(Duration::from_millis(left))
    }

    /// How many callers this circuit has refused here.
    pub(super) fn rejects(&self, circuit: Circuit) -> u64 {
        self.rejects.get(circuit as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
