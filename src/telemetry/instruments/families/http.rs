//! Families of HTTP requests and connections.

use strum::VariantNames;

use crate::telemetry::instruments::family::LabelValues::{self, Bounded, Fixed};
use crate::telemetry::instruments::family::MetricKind::{Counter, Gauge, Histogram};
use crate::telemetry::instruments::family::{MetricFamily, family};
use crate::telemetry::instruments::labels::RefusalReason;

/// Bucket bounds in seconds, from a cached read to a request that nearly times out.
pub const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const HTTP: &[(&str, LabelValues)] = &[
    ("route", Bounded("the pattern of the route, or `unmatched`")),
    ("method", Bounded("GET (and HEAD), POST, PUT, PATCH, DELETE, OPTIONS or OTHER")),
    ("status_code", Bounded("the status codes of the API")),
];
pub(in crate::telemetry::instruments) const HTTP_REQUESTS: MetricFamily = family(
    "http_requests_total",
    Counter,
    HTTP,
    "Requests to the API's listener that were answered",
);
pub(in crate::telemetry::instruments) const HTTP_DURATION: MetricFamily = family(
    "http_request_duration_seconds",
    Histogram(SECONDS),
    HTTP,
    "Time in seconds from the head of a request to the last byte of its response",
);
pub(in crate::telemetry::instruments) const SERVER_ERRORS: MetricFamily = family(
    "http_server_errors_total",
    Counter,
    &[("status_code", Fixed(&["500", "503", "504"]))],
    "Requests that the service failed, by status: 500 an internal error or a panic, 503 database \
     unavailable or a limit of the service reached, 504 unknown outcome of a write; each is also \
     in http_requests_total",
);
pub(in crate::telemetry::instruments) const HTTP_CONNECTIONS_OPEN: MetricFamily = family(
    "http_connections_open",
    Gauge,
    &[],
    "Connections to the API and metrics listeners that are open now, idle ones included",
);
pub(in crate::telemetry::instruments) const HTTP_CONNECTIONS_REFUSED: MetricFamily = family(
    "http_connections_refused_total",
    Counter,
    &[("reason", Fixed(RefusalReason::VARIANTS))],
    "Connections closed on accept, by the limit that was reached: total (all connections), \
     address (connections of one client address)",
);
pub(in crate::telemetry::instruments) const HTTP_PARSE_ERRORS: MetricFamily = family(
    "http_parse_errors_total",
    Counter,
    &[("status_code", Fixed(&["400", "408", "431", "500"]))],
    "Requests refused by the HTTP parser: not valid HTTP (400), head too late (408) or too large \
     (431). They are not in `http_requests_total`",
);
pub(in crate::telemetry::instruments) const REQUESTS_IN_FLIGHT: MetricFamily = family(
    "http_requests_in_flight",
    Gauge,
    &[],
    "Requests whose response is not complete yet, scrapes excluded",
);
// The help of the next two is that of actix-web-prom.
pub(in crate::telemetry::instruments) const EXPOSITION_REQUESTS: MetricFamily =
    family("exposition_requests_total", Counter, HTTP, "Total number of HTTP requests");
pub(in crate::telemetry::instruments) const EXPOSITION_DURATION: MetricFamily = family(
    "exposition_request_duration_seconds",
    Histogram(SECONDS),
    HTTP,
    "HTTP request duration in seconds for all requests",
);
