//! Metrics of the export of traces.

use prometheus::{IntCounterVec, IntGauge, Registry};

use super::families::service::{SPANS, SPANS_BUFFERED};
pub use super::labels::SpanOutcome;

/// Instruments of spans.
#[derive(Clone, Debug)]
pub struct TraceInstruments {
    spans: IntCounterVec,
    /// Spans that have ended and are neither exported nor given up.
    pub buffered: IntGauge,
}

impl TraceInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self { spans: SPANS.counters(registry)?, buffered: SPANS_BUFFERED.gauge(registry)? })
    }

    /// Counts spans with a final outcome.
    pub fn count(&self, outcome: SpanOutcome, spans: u64) {
        self.spans.with_label_values(&[outcome.as_ref()]).inc_by(spans);
    }
}
