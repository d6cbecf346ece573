//! The decisions of the circuits, readable without a message: an open circuit refuses in well under
//! a millisecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strum::EnumCount;

use super::circuit::Circuit;

/// Shortest retry time of a refusal whose time is over while the circuit is still open.
const MIN_RETRY_AFTER_MS: u64 = 1_000;

/// The kind of a decision, in the two highest bits of its cell; the others are milliseconds.
const KIND_MASK: u64 = 0b11 << 62;
const ASK_ACTOR: u64 = 0;
const REFUSE_UNTIL: u64 = 1 << 62;
const REFUSE: u64 = 2 << 62;
const REFUSE_FOR: u64 = 3 << 62;
const MAX_MILLISECONDS: u64 = !KIND_MASK - 1;

/// The current decisions, and how many calls they refused.
#[derive(Debug)]
pub(super) struct Snapshot {
    base: Instant,
    decisions: [AtomicU64; Circuit::COUNT],
    rejects: [AtomicU64; Circuit::COUNT],
}

/// What a circuit does with new calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    AskActor,
    /// Refuses until this instant; then the actor decides.
    RefuseUntil(Instant),
    /// Refuses until the next decision, which is expected at `retry_at`.
    Refuse {
        retry_at: Instant,
    },
    /// Refuses until the next decision, of which nothing is known; callers are told to try again
    /// after this time.
    RefuseFor(Duration),
}

impl Snapshot {
    pub(super) fn new(base: Instant) -> Self {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { base, decisions: zeros(), rejects: zeros() }
    }

    /// Stores the actor's decision.
    pub(super) fn publish(&self, circuit: Circuit, decision: Decision) {
        let cell = match decision {
            Decision::AskActor => ASK_ACTOR,
            Decision::RefuseUntil(until) => REFUSE_UNTIL | (self.milliseconds(until) + 1),
            Decision::Refuse { retry_at } => REFUSE | self.milliseconds(retry_at),
            Decision::RefuseFor(time) => REFUSE_FOR | milliseconds(time),
        };
        if let Some(stored) = self.decisions.get(circuit as usize) {
            stored.store(cell, Ordering::Release);
        }
    }

    /// Returns for how long the circuit refuses calls, and counts the refusal; none if the actor
    /// decides.
    pub(super) fn refusal(&self, circuit: Circuit, now: Instant) -> Option<Duration> {
        let left = self.refuses_for(circuit, now)?;
        if let Some(rejects) = self.rejects.get(circuit as usize) {
            rejects.fetch_add(1, Ordering::Relaxed);
        }
        Some(left)
    }

    /// Returns for how long the circuit refuses calls; none if the actor decides.
    pub(super) fn refuses_for(&self, circuit: Circuit, now: Instant) -> Option<Duration> {
        let cell = self.decisions.get(circuit as usize)?.load(Ordering::Acquire);
        let value = cell & !KIND_MASK;
        let left = match cell & KIND_MASK {
            REFUSE_UNTIL => value.checked_sub(self.milliseconds(now)).filter(|left| *left > 0)?,
            REFUSE => value.saturating_sub(self.milliseconds(now)).max(MIN_RETRY_AFTER_MS),
            REFUSE_FOR => value,
            _ => return None,
        };
        Some(Duration::from_millis(left))
    }

    /// Returns how many calls of this circuit the snapshot has refused.
    pub(super) fn rejects(&self, circuit: Circuit) -> u64 {
        self.rejects.get(circuit as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        milliseconds(instant.saturating_duration_since(self.base))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(MAX_MILLISECONDS)
}

#[cfg(test)]
mod tests;
