//! The decisions of the circuits, readable without a message: an open circuit refuses in well under
//! a millisecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strum::EnumCount;

use super::circuit::Circuit;

/// Longer than any process lives.
const FOREVER: Duration = Duration::from_hours(876_000);

/// The current decisions, and how many calls they refused.
#[derive(Debug)]
pub(super) struct Snapshot {
    base: Instant,
    /// Milliseconds from `base` until which a circuit refuses; 0 if it does not.
    refused_until: [AtomicU64; Circuit::COUNT],
    rejects: [AtomicU64; Circuit::COUNT],
}

/// What a circuit does with new calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    AskActor,
    RefuseUntil(Instant),
    /// Until an operator closes or resets the circuit.
    RefuseAlways,
}

impl Snapshot {
    pub(super) fn new(base: Instant) -> Self {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { base, refused_until: zeros(), rejects: zeros() }
    }

    /// Stores the actor's decision.
    pub(super) fn publish(&self, circuit: Circuit, decision: Decision) {
        let until = match decision {
            Decision::AskActor => 0,
            Decision::RefuseUntil(until) => self.milliseconds(until).saturating_add(1),
            Decision::RefuseAlways => self.milliseconds(self.base + FOREVER),
        };
        if let Some(cell) = self.refused_until.get(circuit as usize) {
            cell.store(until, Ordering::Release);
        }
    }

    /// Returns for how long the circuit refuses calls, and counts the refusal; none if the actor
    /// decides.
    pub(super) fn refusal(&self, circuit: Circuit, now: Instant) -> Option<Duration> {
        let until = self.refused_until.get(circuit as usize)?.load(Ordering::Acquire);
        let left = until.checked_sub(self.milliseconds(now)).filter(|left| *left > 0)?;
        if let Some(cell) = self.rejects.get(circuit as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        Some(Duration::from_millis(left))
    }

    /// Returns how many calls of this circuit the snapshot has refused.
    pub(super) fn rejects(&self, circuit: Circuit) -> u64 {
        self.rejects.get(circuit as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
