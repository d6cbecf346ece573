//! What Prometheus reads of requests: actix-web-prom counts and times what is answered, and we
//! count what failed, because the alert on failures needs series that exist before the first
//! failure, and must see panics, which have no answer to count.

use actix_web_prom::{
    ActixMetricsConfiguration, LabelsConfiguration, PrometheusMetrics, PrometheusMetricsBuilder,
};
use prometheus::{IntCounter, Registry};

use super::families::{HTTP_DURATION, HTTP_REQUESTS, SECONDS, SERVER_ERRORS};

/// The instruments of requests.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct HttpInstruments {
    /// The middleware that counts and times; one for all workers.
    pub middleware: PrometheusMetrics,
    errors: [IntCounter; 2],
}

impl HttpInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let labels =
            LabelsConfiguration::default().endpoint("route").method("method").status("status_code");
        let configuration = ActixMetricsConfiguration::default()
            .http_requests_total_name(HTTP_REQUESTS.name)
            .http_requests_duration_seconds_name(HTTP_DURATION.name)
            .labels(labels);
        let middleware = PrometheusMetricsBuilder::new("")
            .registry(registry.clone())
            .buckets(SECONDS)
            // Or every path that anybody makes up would be a series.
            .mask_unmatched_patterns("unmatched")
            .metrics_configuration(configuration)
            .build()
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        let errors = SERVER_ERRORS.counters(registry)?;
        Ok(Self {
            middleware,
            errors: ["500", "503"].map(|status| errors.with_label_values(&[status])),
        })
    }

    /// A request has failed: 503, or else by a fault of ours.
    pub fn failed(&self, status: u16) {
        let [fault, unavailable] = &self.errors;
        if status == 503 { unavailable.inc() } else { fault.inc() }
    }
}
