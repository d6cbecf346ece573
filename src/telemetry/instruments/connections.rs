//! What Prometheus reads of connections to the listeners.

use prometheus::{IntCounter, IntGauge, Registry};

use super::families::{HTTP_CONNECTIONS_OPEN, HTTP_CONNECTIONS_REFUSED};

/// The limit that a refused connection was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// That on all connections.
    Total,
    /// That on connections from one address.
    Address,
}

/// The instruments of connections.
#[derive(Clone, Debug)]
pub struct ConnectionInstruments {
    open: IntGauge,
    refused: [IntCounter; 2],
}

impl ConnectionInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let refused = HTTP_CONNECTIONS_REFUSED.counters(registry)?;
        Ok(Self {
            open: HTTP_CONNECTIONS_OPEN.gauges(registry)?.with_label_values::<&str>(&[]),
            refused: ["total", "address"].map(|reason| refused.with_label_values(&[reason])),
        })
    }

    /// A connection was opened.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// A connection was closed.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// A connection was refused.
    pub fn refused(&self, reason: Reason) {
        let [total, address] = &self.refused;
        match reason {
            Reason::Total => total.inc(),
            Reason::Address => address.inc(),
        }
    }
}
