//! Metrics of HTTP requests. `actix-web-prom` counts and times responses. Failed requests are also
//! counted here, because the alert on failures needs series that exist before the first failure,
//! and must include panics, which have no response to count.

use actix_web_prom::{
    ActixMetricsConfiguration, LabelsConfiguration, PrometheusMetrics, PrometheusMetricsBuilder,
};
use prometheus::{IntCounter, IntGauge, Registry};

use super::families::service::REQUESTS_IN_FLIGHT;
use super::families::{HTTP_DURATION, HTTP_REQUESTS, SECONDS, SERVER_ERRORS};

/// Instruments of HTTP requests.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct HttpInstruments {
    /// The middleware that counts and times responses; shared by all workers.
    pub middleware: PrometheusMetrics,
    internal_errors: IntCounter,
    unavailable: IntCounter,
    unknown_outcomes: IntCounter,
    in_flight: IntGauge,
}

/// A request whose response is not complete; dropped when it is.
#[derive(Debug)]
pub struct RequestInFlight(IntGauge);

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl HttpInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
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
            // Without this, each unknown path that a client sends would create series.
            .mask_unmatched_patterns("unmatched")
            .metrics_configuration(configuration)
            .build()
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        let errors = SERVER_ERRORS.counters(registry)?;
        Ok(Self {
            middleware,
            internal_errors: errors.with_label_values(&["500"]),
            unavailable: errors.with_label_values(&["503"]),
            unknown_outcomes: errors.with_label_values(&["504"]),
            in_flight: REQUESTS_IN_FLIGHT.gauge(registry)?,
        })
    }

    /// Counts a request as in flight until the result is dropped.
    pub fn begin_request(&self) -> RequestInFlight {
        self.in_flight.inc();
        RequestInFlight(self.in_flight.clone())
    }

    /// Counts a request that failed: with 503, with 504, or else with an internal error.
    pub fn count_server_error(&self, status: u16) {
        match status {
            503 => self.unavailable.inc(),
            504 => self.unknown_outcomes.inc(),
            _ => self.internal_errors.inc(),
        }
    }
}
