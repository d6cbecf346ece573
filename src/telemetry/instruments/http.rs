//! Metrics of HTTP requests. Failed requests are also counted by themselves, because the alert on
//! failures needs series that exist before the first failure.
//!
//! Requests of the API are counted here, because actix-web-prom matches the path of each request
//! against all routes again, four times, and allocates its labels. It counts the scrapes of the
//! separate listener.

use std::time::Duration;

use actix_web_prom::{
    ActixMetricsConfiguration, LabelsConfiguration, PrometheusMetrics, PrometheusMetricsBuilder,
};
use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};

pub use super::families::http::SECONDS;
use super::families::http::{
    EXPOSITION_DURATION, EXPOSITION_REQUESTS, HTTP_DURATION, HTTP_REQUESTS, REQUESTS_IN_FLIGHT,
    SERVER_ERRORS,
};

/// The route of requests that match none.
pub const UNMATCHED: &str = "unmatched";

/// Instruments of HTTP requests.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct HttpInstruments {
    pub responses: ResponseCounts,
    /// The middleware of the separate metrics listener.
    pub exposition: PrometheusMetrics,
    internal_errors: IntCounter,
    unavailable: IntCounter,
    unknown_outcomes: IntCounter,
    in_flight: IntGauge,
}

/// Number and times of responses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ResponseCounts {
    numbers: IntCounterVec,
    durations: HistogramVec,
}

/// All responses since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseTotals {
    pub number: u64,
    /// How many took at most each of the times in [`SECONDS`].
    pub below: Vec<u64>,
}

impl ResponseCounts {
    /// Counts a response and the time that its request took, by route, method and status code.
    pub fn count(&self, labels: [&str; 3], took: Duration) {
        self.numbers.with_label_values(&labels).inc();
        self.durations.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// Adds up the responses of all routes, methods and status codes.
    pub fn totals(&self) -> ResponseTotals {
        let mut totals = ResponseTotals { number: 0, below: vec![0; SECONDS.len()] };
        let families = self.durations.collect();
        for metric in families.iter().flat_map(prometheus::proto::MetricFamily::get_metric) {
            let histogram = metric.get_histogram();
            totals.number += histogram.get_sample_count();
            for (sum, bucket) in totals.below.iter_mut().zip(histogram.get_bucket()) {
                *sum += bucket.cumulative_count();
            }
        }
        totals
    }
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
            .http_requests_total_name(EXPOSITION_REQUESTS.name)
            .http_requests_duration_seconds_name(EXPOSITION_DURATION.name)
            .labels(labels);
        let exposition = PrometheusMetricsBuilder::new("")
            .registry(registry.clone())
            .buckets(SECONDS)
            // Without this, each unknown path that a client sends would create series.
            .mask_unmatched_patterns(UNMATCHED)
            .metrics_configuration(configuration)
            .build()
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        let errors = SERVER_ERRORS.counters(registry)?;
        Ok(Self {
            responses: ResponseCounts {
                numbers: HTTP_REQUESTS.counters(registry)?,
                durations: HTTP_DURATION.histograms(registry)?,
            },
            exposition,
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

    /// Returns how many requests failed.
    pub fn server_errors(&self) -> u64 {
        self.internal_errors.get() + self.unavailable.get() + self.unknown_outcomes.get()
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
