//! Counts what becomes of spans, and bounds how many wait. The library's own processor has a
//! bounded queue, too, but does not say how many spans it has dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use slog::Logger;

use super::collector::LastFailure;
use crate::telemetry::instruments::traces::{SpanOutcome, TraceInstruments};

/// Most spans that wait, those that are being sent included: at 1 KiB each, 8 MiB.
pub(super) const CAPACITY: u32 = 8192;

/// Passes spans on as long as fewer than [`CAPACITY`] wait.
#[derive(Debug)]
pub(super) struct CountedProcessor<P> {
    pub(super) inner: P,
    pub(super) instruments: TraceInstruments,
}

impl<P: SpanProcessor> SpanProcessor for CountedProcessor<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let TraceInstruments { buffered, .. } = &self.instruments;
        if buffered.get() >= i64::from(CAPACITY) {
            self.instruments.count(SpanOutcome::Dropped, 1);
        } else {
            buffered.inc();
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts the spans that are exported, and logs when exports begin to fail and succeed again.
#[derive(Debug)]
pub(super) struct CountedExporter<E> {
    pub(super) inner: E,
    pub(super) instruments: TraceInstruments,
    pub(super) last_failure: LastFailure,
    pub(super) is_failing: AtomicBool,
    pub(super) logger: Logger,
}

impl<E: SpanExporter> SpanExporter for CountedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        let outcome = if result.is_ok() { SpanOutcome::Exported } else { SpanOutcome::Failed };
        self.instruments.count(outcome, spans as u64);
        self.instruments.buffered.sub(i64::try_from(spans).unwrap_or(i64::MAX));
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_failing => {
                let cause = self.last_failure.cause().unwrap_or_else(|| error.to_string());
                slog::warn!(self.logger, "failed to export traces";
                    "spans" => spans, "error" => cause);
            }
            Ok(()) if was_failing => slog::info!(self.logger, "traces are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::telemetry::instruments::Instruments;

    /// Keeps what it is given forever.
    #[derive(Debug)]
    struct StuckProcessor;

    impl SpanProcessor for StuckProcessor {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, _: SpanData) {}

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn spans_beyond_the_capacity_are_dropped_and_counted() {
        let all = Instruments::new().expect("instruments");
        let processor = CountedProcessor { inner: StuckProcessor, instruments: all.traces.clone() };
        let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
        let tracer = provider.tracer("test");
        for _ in 0..CAPACITY + 3 {
            tracer.start("test").end();
        }
        assert_eq!(all.traces.buffered.get(), i64::from(CAPACITY));
        let text = all.exposition(|_| ()).expect("an exposition");
        assert!(text.contains("trace_spans_total{outcome=\"dropped\"} 3"), "{text}");
    }
}
