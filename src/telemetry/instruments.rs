//! The instruments that Prometheus reads. Labels have closed sets of values, and every combination exists from the start,
//! because a counter that appears with its first event hides that event from `rate()`.

use std::time::Duration;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::authentication::Authentication;
use super::limits::LimitInstruments;

/// The media type of the exposition.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Where a circuit may go.
const STATES: [&str; 4] = ["closed", "open", "half-open", "isolated"];

/// How one circuit is, for the instruments.
#[derive(Clone, Copy, Debug)]
pub struct CircuitReading<'a> {
    /// Its name.
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

/// All instruments.
#[derive(Clone, Debug)]
pub struct Instruments {
    registry: Registry,
    /// Authentication and API keys.
    pub authentication: Authentication,
    /// Rate limits.
    pub limits: LimitInstruments,
    query_duration: HistogramVec,
    connections: [IntGauge; 4],
    circuit_state: IntGaugeVec,
    circuit_failures: IntCounterVec,
    circuit_rejections: IntCounterVec,
    circuit_transitions: IntCounterVec,
}

impl Instruments {
    /// New ones, in a registry of their own.
    ///
    /// # Errors
    /// Never in practice: the names are right and different.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let connections = [
            gauge("db_connections_active", "Database connections in use")?,
            gauge("db_connections_idle", "Database connections open and idle")?,
            gauge("db_connections_waiting", "Callers that wait for a database connection")?,
            gauge("db_connections_max", "Most database connections")?,
        ];
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let duration =
            HistogramOpts::new("db_query_duration_seconds", "Time of calls to the database").buckets(buckets);
        let query_duration = HistogramVec::new(duration, &["operation", "table"])?;
        registry.register(Box::new(query_duration.clone()))?;
        let state = Opts::new("circuit_breaker_state", "0 closed, 1 half-open, 2 open or isolated");
        let circuit_state = IntGaugeVec::new(state, &["breaker_name"])?;
        registry.register(Box::new(circuit_state.clone()))?;
        let circuit_failures = counter("circuit_breaker_failures_total", "Calls that failed", &["breaker_name"])?;
        let circuit_rejections =
            counter("circuit_breaker_rejections_total", "Calls that were refused", &["breaker_name"])?;
        let circuit_transitions =
            counter("circuit_breaker_transitions_total", "Changes of state", &["breaker_name", "to"])?;
        Ok(Self {
            authentication: Authentication::new(&registry)?,
            limits: LimitInstruments::new(&registry)?,
            registry,
            query_duration,
            connections,
            circuit_state,
            circuit_failures,
            circuit_rejections,
            circuit_transitions,
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

    /// How a circuit is. Its counts only grow, so what is new is added.
    pub fn circuit(&self, reading: CircuitReading<'_>) {
        let state = match reading.state {
            "closed" => 0,
            "half-open" => 1,
            _ => 2,
        };
        self.circuit_state.with_label_values(&[reading.name]).set(state);
        let raise = |counter: prometheus::IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        raise(self.circuit_failures.with_label_values(&[reading.name]), reading.failures);
        raise(self.circuit_rejections.with_label_values(&[reading.name]), reading.rejections);
        for (state, count) in STATES.iter().zip(reading.transitions) {
            raise(self.circuit_transitions.with_label_values(&[reading.name, state]), count);
        }
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// Never in practice.
    pub fn exposition(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
