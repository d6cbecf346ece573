//! Successes of a closed circuit, gathered until the actor looks: they change nothing, so nobody
//! has to be woken for them.

use std::sync::{Mutex, PoisonError};

use super::circuit::Circuit;
use super::state::Ticket;

/// What went well since the actor last looked. It looks before it decides anything, and at every
/// tick at the latest, so there are never more than calls could end in between.
#[derive(Debug, Default)]
pub(super) struct Successes(Mutex<Vec<(Circuit, Ticket)>>);

impl Successes {
    /// One more.
    pub(super) fn add(&self, circuit: Circuit, ticket: Ticket) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((circuit, ticket));
    }

    /// Moves them into `taken`, which is empty; so the two vectors take turns and nothing is
    /// allocated.
    pub(super) fn take_into(&self, taken: &mut Vec<(Circuit, Ticket)>) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), taken);
    }
}
