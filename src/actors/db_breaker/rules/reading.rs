//! What others read of a circuit: the actor its decision, the report its state and statistics.

use std::time::{Duration, Instant};

use super::{CircuitRules, MIN_RETRY_AFTER};
use crate::actors::db_breaker::circuit::Circuit;
use crate::actors::db_breaker::report::{CircuitReport, TransitionReport};
use crate::actors::db_breaker::snapshot::Decision;
use crate::actors::db_breaker::state::{CircuitState, Prober};
use crate::actors::db_breaker::transitions::Transition;

impl CircuitRules {
    /// Returns what happens to new calls, for the snapshot.
    pub(in crate::actors::db_breaker) fn decision(&self, now: Instant) -> Decision {
        match (self.state, self.prober) {
            (CircuitState::Closed, _) => Decision::AskActor,
            (CircuitState::Isolated, _) => Decision::RefuseFor(self.retry_after(now)),
            (_, Prober::Dedicated) => Decision::Refuse { retry_at: now + self.retry_after(now) },
            (CircuitState::Open, Prober::Caller) => Decision::RefuseUntil(self.until),
            (CircuitState::HalfOpen, Prober::Caller) if self.calls.len() == 0 => Decision::AskActor,
            (CircuitState::HalfOpen, Prober::Caller) => {
                Decision::RefuseUntil(now + self.settings.timeout)
            }
        }
    }

    /// Returns in how long to try again: zero while closed, otherwise at least one second.
    pub(in crate::actors::db_breaker) fn retry_after(&self, now: Instant) -> Duration {
        match self.state {
            CircuitState::Closed => Duration::ZERO,
            CircuitState::Open => self.until.saturating_duration_since(now).max(MIN_RETRY_AFTER),
            CircuitState::HalfOpen => MIN_RETRY_AFTER,
            CircuitState::Isolated => self.settings.reset_timeout.max(MIN_RETRY_AFTER),
        }
    }

    /// Whether the decision has to be published: it may have changed, or depends on the time.
    pub(in crate::actors::db_breaker) fn needs_publishing(&self) -> bool {
        self.state != CircuitState::Closed || self.transitions.has_unpublished()
    }

    /// Returns the transitions since the last call, to be logged.
    pub(in crate::actors::db_breaker) fn take_transitions(&mut self) -> Vec<Transition> {
        self.transitions.take_unpublished()
    }

    /// Returns once that a failure since the last call requires a probe of the server.
    pub(in crate::actors::db_breaker) fn take_probe_request(&mut self) -> bool {
        std::mem::take(&mut self.requests_probe)
    }

    pub(in crate::actors::db_breaker) fn state(&self) -> CircuitState {
        self.state
    }

    /// Returns when a probe is due; none unless open.
    pub(in crate::actors::db_breaker) fn probe_at(&self) -> Option<Instant> {
        (self.state == CircuitState::Open).then_some(self.until)
    }

    /// Returns how many calls these rules refused.
    pub(in crate::actors::db_breaker) fn rejects(&self) -> u64 {
        self.stats.rejects
    }

    /// Returns state and statistics; `refused` calls were refused by the snapshot.
    pub(in crate::actors::db_breaker) fn report(
        &mut self,
        circuit: Circuit,
        refused: u64,
        now: Instant,
    ) -> CircuitReport {
        let mut stats = self.stats;
        stats.rejects = stats.rejects.saturating_add(refused);
        CircuitReport {
            circuit,
            state: self.state,
            stats,
            window: self.window.report(now),
            in_state_for: now.saturating_duration_since(self.since),
            retry_after: (self.state != CircuitState::Closed).then(|| self.retry_after(now)),
            last_error: self.last_error.clone(),
            in_flight: self.calls.permits(),
            last_transitions: self
                .transitions
                .recent()
                .map(|transition| TransitionReport {
                    from: transition.from,
                    to: transition.to,
                    ago: now.saturating_duration_since(transition.at),
                    cause: transition.cause.clone(),
                })
                .collect(),
        }
    }
}
