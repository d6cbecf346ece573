//! What Prometheus reads of the database: its circuits, its pool, the time of calls.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::families::{
    CIRCUIT_FAILURES, CIRCUIT_REJECTIONS, CIRCUIT_STATE, CIRCUIT_TRANSITIONS, CONNECTIONS_ACTIVE,
    CONNECTIONS_IDLE, CONNECTIONS_MAX, CONNECTIONS_WAITING, QUERY_DURATION,
};
use super::raise;

/// Where a circuit may go.
const STATES: [&str; 4] = ["closed", "open", "half-open", "isolated"];

/// How one circuit is, for the instruments.
#[derive(Clone, Copy, Debug)]
pub struct CircuitReading<'a> {
    pub name: &'a str,
    /// closed, open, half-open or isolated.
    pub state: &'a str,
    /// Calls that failed since the start.
    pub failures: u64,
    /// Calls refused since the start.
    pub rejections: u64,
    /// How often it went to closed, open, half-open, isolated.
    pub transitions: [u64; 4],
}

/// The instruments of the database.
#[derive(Clone, Debug)]
pub struct DatabaseInstruments {
    query_duration: HistogramVec,
    connections: [IntGauge; 4],
    circuit_state: IntGaugeVec,
    circuit_failures: IntCounterVec,
    circuit_rejections: IntCounterVec,
    circuit_transitions: IntCounterVec,
}

impl DatabaseInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            query_duration: QUERY_DURATION.histograms(registry)?,
            connections: [
                CONNECTIONS_ACTIVE.gauges(registry)?.with_label_values::<&str>(&[]),
                CONNECTIONS_IDLE.gauges(registry)?.with_label_values::<&str>(&[]),
                CONNECTIONS_WAITING.gauges(registry)?.with_label_values::<&str>(&[]),
                CONNECTIONS_MAX.gauges(registry)?.with_label_values::<&str>(&[]),
            ],
            circuit_state: CIRCUIT_STATE.gauges(registry)?,
            circuit_failures: CIRCUIT_FAILURES.counters(registry)?,
            circuit_rejections: CIRCUIT_REJECTIONS.counters(registry)?,
            circuit_transitions: CIRCUIT_TRANSITIONS.counters(registry)?,
        })
    }

    /// A call to the database has ended.
    pub fn query(&self, operation: &str, table: &str, took: Duration) {
        self.query_duration.with_label_values(&[operation, table]).observe(took.as_secs_f64());
    }

    /// How the pool is: active, idle, waiting, most.
    pub fn pool(&self, counts: [u64; 4]) {
        for (gauge, count) in self.connections.iter().zip(counts) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// How a circuit is.
    pub fn circuit(&self, reading: CircuitReading<'_>) {
        let state = match reading.state {
            "closed" => 0,
            "half-open" => 1,
            _ => 2,
        };
        self.circuit_state.with_label_values(&[reading.name]).set(state);
        raise(&self.circuit_failures.with_label_values(&[reading.name]), reading.failures);
        raise(&self.circuit_rejections.with_label_values(&[reading.name]), reading.rejections);
        for (state, count) in STATES.iter().zip(reading.transitions) {
            raise(&self.circuit_transitions.with_label_values(&[reading.name, state]), count);
        }
    }
}
