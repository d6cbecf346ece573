//! The state of the breaker as operators see it, and how they control it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::AsRefStr;
use utoipa::ToSchema;

use super::circuit::Circuit;
use super::error::DEFAULT_RETRY_AFTER;
use super::state::CircuitState;
use super::stats::CircuitStats;
use super::window::WindowReport;

/// State of one circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitReport {
    pub circuit: Circuit,
    pub state: CircuitState,
    /// Counted since startup.
    pub stats: CircuitStats,
    /// Calls completed in the last ten seconds.
    pub window: WindowReport,
    /// Time since the last transition.
    pub in_state_for: Duration,
    /// When to try again; none while closed.
    pub retry_after: Option<Duration>,
    /// Cause of the last failure.
    pub last_error: Option<String>,
    /// Calls in flight, those of earlier states included.
    pub in_flight: u64,
    /// At most ten, newest first.
    pub last_transitions: Vec<TransitionReport>,
}

impl CircuitReport {
    /// Returns the report of a process that has not reached its database: it refuses all calls.
    #[must_use]
    pub(super) fn without_database(mut self) -> Self {
        if self.state == CircuitState::Closed {
            self.state = CircuitState::Open;
            self.retry_after = Some(DEFAULT_RETRY_AFTER);
            self.last_error = Some("the database was not reached yet".to_owned());
        }
        self
    }
}

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionReport {
    pub from: CircuitState,
    pub to: CircuitState,
    pub ago: Duration,
    pub cause: String,
}

/// State of the connection pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolReport {
    /// Connections in use
    pub active: u32,
    /// Connections not in use
    pub idle: u32,
    /// Callers that wait for a connection
    pub waiting: u64,
    /// Maximum pool size
    pub max: u32,
}

/// How an operator controls a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[schema(as = CircuitControl)]
pub enum Control {
    /// Refuse all calls until closed or reset.
    Isolate,
    /// Close now and continue to count failures.
    Close,
    /// Close now and discard all counts.
    Reset,
}
