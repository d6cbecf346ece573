//! Successes of closed circuits, collected without a message to the actor: they change no decision.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::circuit::Circuit;
use super::state::{CallResult, Ticket};
use super::verdict::Verdict;

/// Successes since the actor last drained them. It does so before each decision and at every tick,
/// so the length is bounded by the calls that can end in one tick.
#[derive(Debug, Default)]
pub(super) struct Successes(Mutex<Vec<Success>>);

/// One call that the database answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Success {
    ticket: Ticket,
    took_micros: u32,
    pub(super) circuit: Circuit,
}

impl Success {
    /// Returns the result for the rules.
    pub(super) fn result(self) -> CallResult {
        CallResult {
            ticket: self.ticket,
            verdict: Verdict::Alive,
            took: Duration::from_micros(self.took_micros.into()),
            error: None,
        }
    }
}

impl Successes {
    pub(super) fn push(&self, circuit: Circuit, ticket: Ticket, took: Duration) {
        let took_micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let success = Success { ticket, took_micros, circuit };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(success);
    }

    /// Swaps the content with `drained`, which is empty, so that the two vectors alternate and
    /// nothing is allocated.
    pub(super) fn drain_into(&self, drained: &mut Vec<Success>) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), drained);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_success_is_drained_once() {
        let (successes, mut drained) = (Successes::default(), Vec::new());
        let tickets = [7, 8].map(|number| Ticket { generation: 1, number });
        for ticket in tickets {
            successes.push(Circuit::Auth, ticket, Duration::from_millis(3));
        }
        successes.drain_into(&mut drained);
        let results: Vec<CallResult> = drained.iter().map(|success| success.result()).collect();
        assert_eq!(results.iter().map(|result| result.ticket).collect::<Vec<_>>(), tickets);
        assert!(results.iter().all(|result| result.took == Duration::from_millis(3)));
        drained.clear();
        successes.drain_into(&mut drained);
        assert!(drained.is_empty());
    }
}
