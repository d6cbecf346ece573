//! What the rules speak of: when a circuit opens, where it stands, what became of its calls.

use std::time::Duration;

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether calls are judged at all.
    pub enabled: bool,
    /// A call that is under way for longer has failed.
    pub timeout: Duration,
    /// The share of failures among completed calls that opens it, in percent.
    pub error_threshold: u8,
    /// Fewer completed calls in ten seconds are no sample.
    pub volume_threshold: u64,
    /// How long it stays open.
    pub reset_timeout: Duration,
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, Serialize, ToSchema)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
#[schema(as = CircuitState)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One probe passes.
    HalfOpen,
    /// Calls are refused until an operator says otherwise.
    Isolated,
}

/// The right to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) generation: u64,
    pub(super) number: u64,
}

/// Counts of what became of calls since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CircuitStats)]
pub struct Stats {
    /// Calls let through.
    pub fires: u64,
    /// Calls that the database answered, be it with a refusal.
    pub successes: u64,
    /// Calls that it did not.
    pub failures: u64,
    /// Those of the failures that took too long.
    pub timeouts: u64,
    /// Calls refused.
    pub rejects: u64,
    /// Calls that say nothing: abandoned, or met by another transaction.
    pub neutral: u64,
    /// Changes of state, by where it went: closed, open, half-open, isolated.
    pub transitions: [u64; 4],
}

impl Stats {
    /// How often the circuit went to a state.
    pub fn transitions_to(&self, state: State) -> u64 {
        self.transitions.get(state as usize).copied().unwrap_or(0)
    }
}

/// A change of state, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) from: State,
    pub(super) to: State,
    pub(super) cause: String,
}
