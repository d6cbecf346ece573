//! How the breaker is, for operators; and what they may tell it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::AsRefStr;
use utoipa::ToSchema;

use super::circuit::Circuit;
use super::state::{State, Stats};

/// How one circuit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitReport {
    /// Which.
    pub circuit: Circuit,
    /// Where it stands.
    pub state: State,
    /// What became of calls since the start.
    pub stats: Stats,
    /// For how long it has stood there.
    pub for_how_long: Duration,
    /// When it is worth asking again; none while closed.
    pub retry_after: Option<Duration>,
    /// The last failure's cause.
    pub last_error: Option<String>,
    /// Calls under way.
    pub in_flight: u64,
}

/// How the pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolReport {
    /// Connections in use.
    pub active: u32,
    /// Connections kept open, idle.
    pub idle: u32,
    /// Callers that wait for one.
    pub waiting: u64,
    /// Most connections.
    pub max: u32,
}

/// What an operator may tell a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Control {
    /// Refuse everything until told otherwise.
    Isolate,
    /// Close now, and go on judging.
    Close,
    /// Close now, and forget what was.
    Reset,
}
