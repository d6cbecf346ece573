//! The permission to ask the database one thing. Giving it up tells the actor what became of it;
//! given up without a verdict (the caller is gone, or panicked), it says nothing and frees its
//! place.

use std::sync::Arc;

use actix::{Message, Recipient};

use super::circuit::Circuit;
use super::pool::DbPool;
use super::state::Ticket;
use super::successes::Successes;
use super::verdict::Verdict;

/// What became of it.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Settle {
    pub(super) circuit: Circuit,
    pub(super) ticket: Ticket,
    pub(super) verdict: Verdict,
    pub(super) error: Option<String>,
    /// Whether no circuit's call would have got through: the database could not be reached.
    pub(super) everyone: bool,
}

pub(super) struct Permit {
    pub(super) pool: DbPool,
    circuit: Circuit,
    ticket: Ticket,
    verdict: Verdict,
    error: Option<String>,
    everyone: bool,
    breaker: Recipient<Settle>,
    /// Where a success goes that changes nothing; none for a probe, on whose success the circuit
    /// waits.
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
            everyone: false,
            breaker,
            successes,
        }
    }

    /// What became of it, without more to say.
    pub(super) fn verdict(&mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    /// It failed, and why.
    pub(super) fn failed(&mut self, error: &str) {
        (self.verdict, self.error) = (Verdict::Failure, Some(error.to_owned()));
    }

    /// The database could not even be reached.
    pub(super) fn unreachable(&mut self, error: &str) {
        self.failed(error);
        self.everyone = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let (Verdict::Alive, Some(successes)) = (self.verdict, &self.successes) {
            return successes.add(self.circuit, self.ticket);
        }
        self.breaker.do_send(Settle {
            circuit: self.circuit,
            ticket: self.ticket,
            verdict: self.verdict,
            error: self.error.take(),
            everyone: self.everyone,
        });
    }
}
