//! Metrics of log events.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::counters::raise_to;
use super::families::{LOG_BUFFERED, LOG_EVENTS};
use crate::telemetry::sinks::SinkCounts;

/// Instruments of log events.
#[derive(Clone, Debug)]
pub struct LogInstruments {
    events: IntCounterVec,
    buffered: IntGaugeVec,
}

impl LogInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            events: LOG_EVENTS.counters(registry)?,
            buffered: LOG_BUFFERED.gauges(registry)?,
        })
    }

    /// Sets the counts of a sink.
    pub fn set_sink_counts(&self, sink: &str, counts: SinkCounts) {
        let outcomes = [
            ("shipped", counts.shipped),
            ("dropped", counts.dropped),
            ("rejected", counts.rejected),
        ];
        for (outcome, count) in outcomes {
            raise_to(&self.events.with_label_values(&[sink, outcome]), count);
        }
        self.buffered
            .with_label_values(&[sink])
            .set(i64::try_from(counts.buffered).unwrap_or(i64::MAX));
    }
}
