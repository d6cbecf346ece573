//! Counts of one circuit since startup.

use serde::Serialize;
use utoipa::ToSchema;

use super::failure_cause::{FailureCause, FailureCounts};
use super::state::CircuitState;

/// Counts since startup
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CircuitStats)]
pub struct CircuitStats {
    /// Calls that were permitted
    pub fires: u64,
    /// Calls that the database answered, also with an error
    pub successes: u64,
    /// Calls that failed or timed out
    pub failures: u64,
    /// Failures that were timeouts: of the call, of a statement or of a lock
    pub timeouts: u64,
    /// Calls that were refused
    pub rejects: u64,
    /// Calls without a verdict: abandoned, or in conflict with another transaction
    pub neutral: u64,
    pub failures_by_cause: FailureCounts,
    /// Transitions by target state
    pub transitions: TransitionCounts,
}

/// Transitions by target state
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = CircuitTransitions)]
pub struct TransitionCounts {
    pub closed: u64,
    pub open: u64,
    pub half_open: u64,
    pub isolated: u64,
}

impl CircuitStats {
    /// Returns how often the circuit entered a state.
    pub fn transitions_to(&self, state: CircuitState) -> u64 {
        match state {
            CircuitState::Closed => self.transitions.closed,
            CircuitState::Open => self.transitions.open,
            CircuitState::HalfOpen => self.transitions.half_open,
            CircuitState::Isolated => self.transitions.isolated,
        }
    }

    /// Counts a transition.
    pub(super) fn count_transition(&mut self, to: CircuitState) {
        let count = match to {
            CircuitState::Closed => &mut self.transitions.closed,
            CircuitState::Open => &mut self.transitions.open,
            CircuitState::HalfOpen => &mut self.transitions.half_open,
            CircuitState::Isolated => &mut self.transitions.isolated,
        };
        *count = count.saturating_add(1);
    }

    /// Counts a failed call.
    pub(super) fn count_failure(&mut self, cause: FailureCause) {
        self.failures = self.failures.saturating_add(1);
        self.timeouts = self.timeouts.saturating_add(cause.is_timeout().into());
        self.failures_by_cause.add(cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_counted_by_target() {
        use CircuitState::{Closed, HalfOpen, Isolated, Open};
        let mut stats = CircuitStats::default();
        for (times, state) in [Closed, Open, HalfOpen, Isolated].into_iter().enumerate() {
            (0..times + 2).for_each(|_| stats.count_transition(state));
        }
        let counts = [Closed, Open, HalfOpen, Isolated].map(|state| stats.transitions_to(state));
        assert_eq!(counts, [2, 3, 4, 5]);
    }
}
