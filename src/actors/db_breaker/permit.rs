//! The permission to ask the database one thing. Giving it up tells the actor what became of it; given up without a
//! verdict (the caller is gone, or panicked), it says nothing and frees its place.

use actix::Addr;

use super::actor::{Breaker, Settle};
use super::circuit::Circuit;
use super::pool::DbPool;
use super::rules::Ticket;
use super::verdict::Verdict;

pub(super) struct Permit {
    pub(super) pool: DbPool,
    circuit: Circuit,
    ticket: Ticket,
    verdict: Verdict,
    error: Option<String>,
    everyone: bool,
    breaker: Addr<Breaker>,
}

impl Permit {
    pub(super) fn new(pool: DbPool, circuit: Circuit, ticket: Ticket, breaker: Addr<Breaker>) -> Self {
        Self { pool, circuit, ticket, verdict: Verdict::Neutral, error: None, everyone: false, breaker }
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
        self.breaker.do_send(Settle {
            circuit: self.circuit,
            ticket: self.ticket,
            verdict: self.verdict,
            error: self.error.take(),
            everyone: self.everyone,
        });
    }
}
