//! The permit for one call to the database. Dropping it reports the verdict to the actor; without a
//! verdict (the caller was dropped or panicked) it is neutral and is only released.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Message, Recipient};

use super::circuit::Circuit;
use super::failure_cause::FailureCause;
use super::pool::DbPool;
use super::state::{CallResult, Ticket};
use super::successes::Successes;
use super::verdict::Verdict;

/// Reports the verdict of one call to the actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Settle {
    pub(super) circuit: Circuit,
    /// When the call was permitted.
    pub(super) granted_at: Instant,
    pub(super) result: CallResult,
}

/// The permit for one call.
pub(super) struct Permit {
    pub(super) pool: DbPool,
    circuit: Circuit,
    granted_at: Instant,
    result: CallResult,
    breaker: Recipient<Settle>,
    /// Collects a success that changes no decision; none for a probe, whose success closes the
    /// circuit.
    successes: Option<Arc<Successes>>,
}

impl Permit {
    pub(super) fn new(
        pool: DbPool,
        (circuit, ticket, granted_at): (Circuit, Ticket, Instant),
        breaker: Recipient<Settle>,
        successes: Option<Arc<Successes>>,
    ) -> Self {
        let (verdict, took, error) = (Verdict::Neutral, Duration::ZERO, None);
        let result = CallResult { ticket, verdict, took, error };
        Self { pool, circuit, granted_at, result, breaker, successes }
    }

    /// The database answered after this time.
    pub(super) fn set_answered(&mut self, took: Duration) {
        (self.result.verdict, self.result.took) = (Verdict::Alive, took);
    }

    /// The call says nothing about the database.
    pub(super) fn set_neutral(&mut self) {
        self.result.verdict = Verdict::Neutral;
    }

    /// The call failed. [`FailureCause::Unreachable`] counts against every circuit.
    pub(super) fn set_failure(&mut self, cause: FailureCause, error: &str) {
        (self.result.verdict, self.result.error) =
            (Verdict::Failure(cause), Some(error.to_owned()));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let (Verdict::Alive, Some(successes)) = (self.result.verdict, &self.successes) {
            return successes.push(self.circuit, self.result.ticket, self.result.took);
        }
        let CallResult { ticket, verdict, took, ref mut error } = self.result;
        let result = CallResult { ticket, verdict, took, error: error.take() };
        let (circuit, granted_at) = (self.circuit, self.granted_at);
        self.breaker.do_send(Settle { circuit, granted_at, result });
    }
}
