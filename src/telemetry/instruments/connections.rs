//! Metrics of connections to the listeners.

use prometheus::{IntGauge, Registry};

use super::counters::LabelledCounters;
use super::families::{HTTP_CONNECTIONS_OPEN, HTTP_CONNECTIONS_REFUSED};
pub use super::labels::RefusalReason;

/// Instruments of connections.
#[derive(Clone, Debug)]
pub struct ConnectionInstruments {
    open: IntGauge,
    refused: LabelledCounters<RefusalReason>,
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

    /// Counts a refused connection.
    pub fn count_refused(&self, reason: RefusalReason) {
        self.refused.increment(reason);
    }
}
