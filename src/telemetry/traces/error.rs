//! The errors of starting the export of traces.

use crate::config::ConfigError;

/// Traces that cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[cfg(not(feature = "otlp"))]
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: this build does not include the feature otlp")]
    FeatureMissing,
    #[cfg(feature = "otlp")]
    #[error("failed to create the HTTP client of the trace exporter")]
    HttpClient(#[source] reqwest::Error),
    /// A variable that only the exporter's library reads cannot be used.
    #[cfg(feature = "otlp")]
    #[error("failed to create the trace exporter")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}
