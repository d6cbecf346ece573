//! Metrics of connections to the listeners.

use prometheus::{IntCounterVec, IntGauge, Registry};

use super::counters::LabelledCounters;
use super::families::http::{HTTP_CONNECTIONS_OPEN, HTTP_CONNECTIONS_REFUSED, HTTP_PARSE_ERRORS};
pub use super::labels::RefusalReason;

/// Instruments of connections.
#[derive(Clone, Debug)]
pub struct ConnectionInstruments {
    open: IntGauge,
    refused: LabelledCounters<RefusalReason>,
    parse_errors: IntCounterVec,
}

impl ConnectionInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            open: HTTP_CONNECTIONS_OPEN.gauge(registry)?,
            refused: LabelledCounters::new(&HTTP_CONNECTIONS_REFUSED.counters(registry)?),
            parse_errors: HTTP_PARSE_ERRORS.counters(registry)?,
        })
    }

    /// Counts a connection as open.
    pub fn add_open(&self) {
        self.open.inc();
    }

    /// Counts a connection as closed.
    pub fn remove_open(&self) {
        self.open.dec();
    }

    /// Counts a request that the HTTP parser refused with this status.
    pub fn count_parse_error(&self, status: u16) {
        self.parse_errors.with_label_values(&[status.to_string()]).inc();
    }

    /// Counts a refused connection.
    pub fn count_refused(&self, reason: RefusalReason) {
        self.refused.increment(reason);
    }
}
