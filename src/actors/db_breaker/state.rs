//! The types of the rules: settings, states, tickets, counts and transitions.

use std::time::Duration;

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSettings {
    /// If false, circuits never open.
    pub enabled: bool,
    /// A call in flight for longer counts as a failure.
    pub timeout: Duration,
    /// Failure rate among completed calls that opens a circuit, in percent.
    pub error_threshold: u8,
    /// Completed calls in ten seconds below which no circuit opens.
    pub volume_threshold: u64,
    /// Time from opening to the first probe.
    pub reset_timeout: Duration,
}

/// State of a circuit
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, Serialize, ToSchema)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
#[schema(as = CircuitState)]
pub enum CircuitState {
    /// Calls are permitted.
    Closed,
    /// Calls are refused.
    Open,
    /// One probe passes.
    HalfOpen,
    /// Calls are refused until an operator closes or resets the circuit.
    Isolated,
}

/// Identifies one permitted call, and the generation in which its verdict counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) generation: u64,
    pub(super) number: u64,
}

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
    /// Failures that were timeouts
    pub timeouts: u64,
    /// Calls that were refused
    pub rejects: u64,
    /// Calls without a verdict: abandoned, or in conflict with another transaction
    pub neutral: u64,
    /// Transitions by target state: closed, open, half-open, isolated
    pub transitions: [u64; 4],
}

impl CircuitStats {
    /// Returns how often the circuit entered a state.
    pub fn transitions_to(&self, state: CircuitState) -> u64 {
        self.transitions.get(state as usize).copied().unwrap_or(0)
    }
}

/// A change of state, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) from: CircuitState,
    pub(super) to: CircuitState,
    pub(super) cause: String,
}
