//! The export of spans: sampled, gathered in batches, sent by a thread of the library.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use slog::Logger;
use url::Url;
use uuid::Uuid;

use super::TraceError;
use super::collector::{CollectorClient, LastFailure, RESPONSE_TIMEOUT};
use super::counted::{CAPACITY, CountedExporter, CountedProcessor};
use super::request_span::RequestTracer;
use crate::config::{TraceConfig, TraceSampler};
use crate::telemetry::instruments::traces::TraceInstruments;

/// Longest time that an ended span waits for others to be sent with.
const GATHER: Duration = Duration::from_secs(1);
/// Spans in a batch at most.
const BATCH: usize = 512;
/// The library's queue has room for what [`CAPACITY`] lets pass, also for threads that read the
/// count at the same time.
const QUEUE: usize = CAPACITY as usize + 1024;
/// Longest time to export the rest at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A running export.
#[derive(Debug)]
pub(super) struct Export {
    provider: SdkTracerProvider,
    instruments: TraceInstruments,
    logger: Logger,
}

impl Export {
    /// Starts the thread; the collector may be away.
    pub(super) fn start(
        config: &TraceConfig,
        endpoint: &Url,
        instruments: &TraceInstruments,
        logger: &Logger,
    ) -> Result<Self, TraceError> {
        let last_failure = LastFailure::default();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(config.headers()?, last_failure.clone())?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .with_timeout(RESPONSE_TIMEOUT)
            .build()?;
        let exporter = CountedExporter {
            inner: exporter,
            instruments: instruments.clone(),
            last_failure,
            is_failing: AtomicBool::new(false),
            logger: logger.clone(),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(GATHER)
            .build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let resource = Resource::builder()
            .with_service_name(config.otel_service_name.clone())
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(config))
            .with_resource(resource)
            .with_span_processor(CountedProcessor { inner, instruments: instruments.clone() })
            .build();
        Ok(Self { provider, instruments: instruments.clone(), logger: logger.clone() })
    }

    /// Returns the tracer of requests.
    pub(super) fn tracer(&self) -> RequestTracer {
        RequestTracer::new(BoxedTracer::new(Box::new(self.provider.tracer("mdl"))))
    }

    /// Exports the rest and ends the thread.
    pub(super) async fn stop(self) {
        let provider = self.provider;
        let shutdown = move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        let outcome = tokio::task::spawn_blocking(shutdown).await;
        let left = self.instruments.buffered.get();
        if left > 0 || !matches!(outcome, Ok(Ok(()))) {
            slog::warn!(self.logger, "traces not exported at shutdown"; "spans" => left);
        }
    }
}

fn sampler(config: &TraceConfig) -> Sampler {
    let ratio = Sampler::TraceIdRatioBased(config.otel_traces_sampler_arg);
    match config.otel_traces_sampler {
        TraceSampler::AlwaysOn => Sampler::AlwaysOn,
        TraceSampler::AlwaysOff => Sampler::AlwaysOff,
        TraceSampler::TraceIdRatio => ratio,
        TraceSampler::ParentBasedAlwaysOn => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        TraceSampler::ParentBasedAlwaysOff => Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
        TraceSampler::ParentBasedTraceIdRatio => Sampler::ParentBased(Box::new(ratio)),
    }
}
