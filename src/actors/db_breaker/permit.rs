//! The permit for one call to the database. Dropping it reports the verdict to the actor; without a
//! verdict (the caller was dropped or panicked) it is neutral and is only released.

use std::sync::Arc;

use actix::{Message, Recipient};

use super::circuit::Circuit;
use super::pool::DbPool;
use super::state::Ticket;
use super::successes::Successes;
use super::verdict::Verdict;

/// Reports the verdict of one call to the actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Settle {
    pub(super) circuit: Circuit,
    pub(super) ticket: Ticket,
    pub(super) verdict: Verdict,
    pub(super) error: Option<String>,
    /// The server could not be reached, so the calls of every circuit would have failed.
    pub(super) server_unreachable: bool,
}

/// The permit for one call.
pub(super) struct Permit {
    pub(super) pool: DbPool,
    circuit: Circuit,
    ticket: Ticket,
    verdict: Verdict,
    error: Option<String>,
    server_unreachable: bool,
    breaker: Recipient<Settle>,
    /// Collects a success that changes no decision; none for a probe, whose success closes the
    /// circuit.
    successes: Option<Arc<Successes>>,
}

impl Permit {
    pub(super) fn new(
        pool: DbPool,
        (circuit, ticket): (Circuit, Ticket),
        breaker: Recipient<Settle>,
        successes: Option<Arc<Successes>>,
    ) -> Self {
        Self {
            pool,
            circuit,
            ticket,
            verdict: Verdict::Neutral,
            error: None,
            server_unreachable: false,
            breaker,
            successes,
        }
    }

    /// Sets a verdict that needs no cause.
    pub(super) fn set_verdict(&mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    /// Sets the verdict to failure, with its cause.
    pub(super) fn set_failure(&mut self, error: &str) {
        (self.verdict, self.error) = (Verdict::Failure, Some(error.to_owned()));
    }

    /// Sets the verdict to a failure that counts against every circuit.
    pub(super) fn set_unreachable(&mut self, error: &str) {
        self.set_failure(error);
        self.server_unreachable = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let (Verdict::Alive, Some(successes)) = (self.verdict, &self.successes) {
            return successes.push(self.circuit, self.ticket);
        }
        self.breaker.do_send(Settle {
            circuit: self.circuit,
            ticket: self.ticket,
            verdict: self.verdict,
            error: self.error.take(),
            server_unreachable: self.server_unreachable,
        });
    }
}
