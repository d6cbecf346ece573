//! What Prometheus reads of log events.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::families::{LOG_BUFFERED, LOG_EVENTS};
use super::raise;
use crate::telemetry::sinks::Counts;

/// The instruments of log events.
#[derive(Clone, Debug)]
pub struct LogInstruments {
    events: IntCounterVec,
    buffered: IntGaugeVec,
}

impl LogInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            events: LOG_EVENTS.counters(registry)?,
            buffered: LOG_BUFFERED.gauges(registry)?,
        })
    }

    /// What became of the events of this sink.
    pub fn sink(&self, name: &str, counts: Counts) {
        let outcomes = [
            ("shipped", counts.shipped),
            ("dropped", counts.dropped),
            ("rejected", counts.rejected),
        ];
        for (outcome, count) in outcomes {
            raise(&self.events.with_label_values(&[name, outcome]), count);
        }
        self.buffered
            .with_label_values(&[name])
            .set(i64::try_from(counts.buffered).unwrap_or(i64::MAX));
    }
}
