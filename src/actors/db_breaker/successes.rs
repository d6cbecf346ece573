//! Successes of closed circuits, collected without a message to the actor: they change no decision.

use std::sync::{Mutex, PoisonError};

use super::circuit::Circuit;
use super::state::Ticket;

/// Successes since the actor last drained them. It does so before each decision and at every tick,
/// so the length is bounded by the calls that can end in one tick.
#[derive(Debug, Default)]
pub(super) struct Successes(Mutex<Vec<(Circuit, Ticket)>>);

impl Successes {
    pub(super) fn push(&self, circuit: Circuit, ticket: Ticket) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((circuit, ticket));
    }

    /// Swaps the content with `drained`, which is empty, so that the two vectors alternate and
    /// nothing is allocated.
    pub(super) fn drain_into(&self, drained: &mut Vec<(Circuit, Ticket)>) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), drained);
    }
}
