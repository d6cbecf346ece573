//! Traces: a span for each request ([`request_span`]), and one for each call of the database in it
//! ([`query_span`]), sent to an OpenTelemetry collector. Off unless `OTEL_EXPORTER_OTLP_ENDPOINT`
//! is set.
//!
//! Nothing waits for the collector: spans that have ended wait in a bounded queue, and a thread of
//! its own sends them. What the queue cannot take is dropped and counted.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod counted;
mod error;
#[cfg(feature = "otlp")]
mod export;
pub mod query_span;
pub mod request_span;

use slog::Logger;

pub use self::error::TraceError;
#[cfg(feature = "otlp")]
use self::export::Export;
use self::request_span::RequestTracer;
use crate::config::TraceConfig;
use crate::telemetry::instruments::traces::TraceInstruments;

/// The spans of this process.
#[derive(Debug, Default)]
pub struct Traces {
    pub tracer: RequestTracer,
    #[cfg(feature = "otlp")]
    export: Option<Export>,
}

impl Traces {
    /// Starts the export, if it is configured.
    ///
    /// # Errors
    /// When a variable cannot be used, or this build has no export.
    pub fn start(
        config: &TraceConfig,
        instruments: &TraceInstruments,
        logger: &Logger,
    ) -> Result<Self, TraceError> {
        let Some(endpoint) = config.endpoint()? else { return Ok(Self::default()) };
        #[cfg(feature = "otlp")]
        {
            let export = Export::start(config, &endpoint, instruments, logger)?;
            slog::info!(logger, "exporting traces"; "endpoint" => endpoint.as_str());
            Ok(Self { tracer: export.tracer(), export: Some(export) })
        }
        #[cfg(not(feature = "otlp"))]
        {
            let _ = (endpoint, instruments, logger);
            Err(TraceError::FeatureMissing)
        }
    }

    /// Exports what is buffered, for at most five seconds. Further requests have no spans.
    pub async fn stop(self) {
        #[cfg(feature = "otlp")]
        if let Some(export) = self.export {
            export.stop().await;
        }
    }
}
