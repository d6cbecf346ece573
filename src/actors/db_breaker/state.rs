//! The types of the rules: settings, states, tickets and results of calls.

use std::time::Duration;

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

use super::verdict::Verdict;

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
    /// Longest time from opening to the first probe.
    pub reset_timeout: Duration,
}

impl CircuitSettings {
    /// Returns the time limit of a probe. A probe that hangs must not delay the next one beyond the
    /// reset timeout.
    pub(super) fn probe_timeout(&self) -> Duration {
        self.timeout.min(self.reset_timeout.max(MIN_PROBE_TIMEOUT))
    }
}

/// Shortest time limit of a probe, unless that of calls is shorter.
const MIN_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Who tests whether the database has recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prober {
    /// The actor, on a connection beside the pool. No caller waits for a probe.
    Dedicated,
    /// The first caller after the open time; the embedded database has one connection only.
    Caller,
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
    /// A probe is under way; calls are refused.
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

/// How a permitted call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallResult {
    pub(super) ticket: Ticket,
    pub(super) verdict: Verdict,
    /// Time on the connection; counts for successes only.
    pub(super) took: Duration,
    /// Text of the error, for a failure.
    pub(super) error: Option<String>,
}
