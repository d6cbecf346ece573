//! Metrics of the database: circuits, connection pool, and duration of calls.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::counters::raise_to;
use super::families::{
    CIRCUIT_FAILURES, CIRCUIT_REJECTIONS, CIRCUIT_STATE, CIRCUIT_TRANSITIONS, CONNECTIONS_ACTIVE,
    CONNECTIONS_IDLE, CONNECTIONS_MAX, CONNECTIONS_WAITING, QUERY_DURATION,
};

/// Values of one circuit, counted since the process started.
#[derive(Clone, Copy, Debug)]
pub struct CircuitReading<'a> {
    pub name: &'a str,
    /// `closed`, `open`, `half-open` or `isolated`.
    pub state: &'a str,
    pub failures: u64,
    pub rejections: u64,
    /// How often the circuit changed to each state, by the name of the state.
    pub transitions: &'a [(&'a str, u64)],
}

/// Connections of the pool, and callers that wait for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolReading {
    pub active: u64,
    pub idle: u64,
    pub waiting: u64,
    pub max: u64,
}

/// Instruments of the database.
#[derive(Clone, Debug)]
pub struct DatabaseInstruments {
    query_duration: HistogramVec,
    active: IntGauge,
    idle: IntGauge,
    waiting: IntGauge,
    max: IntGauge,
    circuit_state: IntGaugeVec,
    circuit_failures: IntCounterVec,
    circuit_rejections: IntCounterVec,
    circuit_transitions: IntCounterVec,
}

impl DatabaseInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            query_duration: QUERY_DURATION.histograms(registry)?,
            active: CONNECTIONS_ACTIVE.gauge(registry)?,
            idle: CONNECTIONS_IDLE.gauge(registry)?,
            waiting: CONNECTIONS_WAITING.gauge(registry)?,
            max: CONNECTIONS_MAX.gauge(registry)?,
            circuit_state: CIRCUIT_STATE.gauges(registry)?,
            circuit_failures: CIRCUIT_FAILURES.counters(registry)?,
            circuit_rejections: CIRCUIT_REJECTIONS.counters(registry)?,
            circuit_transitions: CIRCUIT_TRANSITIONS.counters(registry)?,
        })
    }

    /// Records the duration of a call to the database. The operation is named "table.verb".
    pub fn observe_query(&self, operation: &str, took: Duration) {
        let (table, operation) = operation.split_once('.').unwrap_or(("", operation));
        self.query_duration.with_label_values(&[operation, table]).observe(took.as_secs_f64());
    }

    /// Sets the gauges of the connection pool.
    pub fn set_pool(&self, pool: PoolReading) {
        for (gauge, count) in [
            (&self.active, pool.active),
            (&self.idle, pool.idle),
            (&self.waiting, pool.waiting),
            (&self.max, pool.max),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Sets the state and counters of a circuit.
    pub fn set_circuit(&self, reading: CircuitReading<'_>) {
        let state = match reading.state {
            "closed" => 0,
            "half-open" => 1,
            _ => 2,
        };
        self.circuit_state.with_label_values(&[reading.name]).set(state);
        raise_to(&self.circuit_failures.with_label_values(&[reading.name]), reading.failures);
        raise_to(&self.circuit_rejections.with_label_values(&[reading.name]), reading.rejections);
        for (to, count) in reading.transitions {
            raise_to(&self.circuit_transitions.with_label_values(&[reading.name, to]), *count);
        }
    }
}
