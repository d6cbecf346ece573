//! All metric families that Prometheus can scrape: name, help, type and labels, each once. The
//! instruments are created from this list, and so is the reference in `docs/metrics.md`.
//!
//! Labels have a bounded number of values. Where the values are known, every combination exists
//! from the start, because a counter that appears with its first event hides that event from
//! `rate()`.

use strum::VariantNames;

use super::family::LabelValues::{self, Bounded, Fixed};
use super::family::MetricFamily;
use super::family::MetricKind::{self, Counter, Gauge, Histogram};
use super::labels::{AuthMethod, AuthStatus, KeyLookupOutcome, RefusalReason};

/// Bucket bounds in seconds, from a cached read to a request that nearly times out.
pub const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const fn family(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [(&'static str, LabelValues)],
    help: &'static str,
) -> MetricFamily {
    MetricFamily { name, help, kind, labels }
}

const HTTP: &[(&str, LabelValues)] = &[
    ("route", Bounded("the pattern of the route, or `unmatched`")),
    ("method", Bounded("GET (and HEAD), POST, PUT, PATCH, DELETE, OPTIONS or OTHER")),
    ("status_code", Bounded("the status codes of the API")),
];
const CIRCUIT: (&str, LabelValues) =
    ("breaker_name", Fixed(&["metrics", "domains", "auth", "api_keys"]));
/// Sinks of log events.
pub const SINKS: &[&str] = &["stdout", "cloudwatch", "elasticsearch"];

// The names and help of the next two are those of actix-web-prom.
pub(super) const HTTP_REQUESTS: MetricFamily =
    family("http_requests_total", Counter, HTTP, "Total number of HTTP requests");
pub(super) const HTTP_DURATION: MetricFamily = family(
    "http_request_duration_seconds",
    Histogram(SECONDS),
    HTTP,
    "HTTP request duration in seconds for all requests",
);
pub(super) const SERVER_ERRORS: MetricFamily = family(
    "http_server_errors_total",
    Counter,
    &[("status_code", Fixed(&["500", "503"]))],
    "Requests that failed with an internal error (500) or because the service or its database \
     was unavailable (503), including panics",
);
pub(super) const HTTP_CONNECTIONS_OPEN: MetricFamily =
    family("http_connections_open", Gauge, &[], "Open connections to the listeners");
pub(super) const HTTP_CONNECTIONS_REFUSED: MetricFamily = family(
    "http_connections_refused_total",
    Counter,
    &[("reason", Fixed(RefusalReason::VARIANTS))],
    "Connections closed on accept because of the limit on all connections or on those from one \
     address",
);
pub(super) const ATTEMPTS: MetricFamily = family(
    "auth_attempts_total",
    Counter,
    &[("method", Fixed(AuthMethod::VARIANTS)), ("status", Fixed(AuthStatus::VARIANTS))],
    "Authentication attempts",
);
pub(super) const ACTIVE_USERS: MetricFamily = family(
    "active_users_total",
    Gauge,
    &[],
    "Users with an unexpired session, updated every 15 seconds",
);
pub(super) const LOOKUPS: MetricFamily = family(
    "api_key_cache_lookups_total",
    Counter,
    &[("outcome", Fixed(KeyLookupOutcome::VARIANTS))],
    "API key lookups: hit and negative are answered from the cache, miss needs the database, \
     malformed is no key",
);
pub(super) const LAST_USED_PENDING: MetricFamily = family(
    "api_key_last_used_pending",
    Gauge,
    &[],
    "API keys with a last_used_at that is not yet written",
);
pub(super) const LAST_USED_FLUSHED: MetricFamily = family(
    "api_key_last_used_flush_timestamp_seconds",
    Gauge,
    &[],
    "Unix time of the last flush of last_used_at, or of the last check that found nothing to write",
);
pub(super) const PROPAGATION: MetricFamily = family(
    "api_key_revocation_propagation_seconds",
    Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
    &[],
    "Time from a change of permissions in the database to its effect in this process",
);
pub(super) const KEYS_CREATED: MetricFamily =
    family("api_keys_created_total", Counter, &[], "API keys created, including rotation");
pub(super) const KEYS_REVOKED: MetricFamily =
    family("api_keys_revoked_total", Counter, &[], "API keys revoked");
pub(super) const REJECTIONS: MetricFamily = family(
    "rate_limit_rejections_total",
    Counter,
    &[(
        "policy",
        Fixed(&["general", "auth", "api_key", "password_reset", "burst", "unknown_key", "caller"]),
    )],
    "Requests rejected by a rate limit",
);
pub(super) const QUERY_DURATION: MetricFamily = family(
    "db_query_duration_seconds",
    Histogram(SECONDS),
    &[
        ("operation", Bounded("the operations in the code")),
        ("table", Bounded("the tables of the circuits")),
    ],
    "Duration of database calls",
);
pub(super) const CONNECTIONS_ACTIVE: MetricFamily =
    family("db_connections_active", Gauge, &[], "Database connections in use");
pub(super) const CONNECTIONS_IDLE: MetricFamily =
    family("db_connections_idle", Gauge, &[], "Open database connections not in use");
pub(super) const CONNECTIONS_WAITING: MetricFamily =
    family("db_connections_waiting", Gauge, &[], "Calls waiting for a database connection");
pub(super) const CONNECTIONS_MAX: MetricFamily =
    family("db_connections_max", Gauge, &[], "Maximum pool size");
pub(super) const CIRCUIT_STATE: MetricFamily = family(
    "circuit_breaker_state",
    Gauge,
    &[CIRCUIT],
    "State of the circuit: 0 closed, 1 half-open, 2 open or isolated",
);
pub(super) const CIRCUIT_FAILURES: MetricFamily =
    family("circuit_breaker_failures_total", Counter, &[CIRCUIT], "Database calls that failed");
pub(super) const CIRCUIT_REJECTIONS: MetricFamily = family(
    "circuit_breaker_rejections_total",
    Counter,
    &[CIRCUIT],
    "Database calls rejected by the circuit",
);
pub(super) const CIRCUIT_TRANSITIONS: MetricFamily = family(
    "circuit_breaker_transitions_total",
    Counter,
    &[CIRCUIT, ("to", Fixed(&["closed", "open", "half-open", "isolated"]))],
    "State transitions of the circuit, by new state",
);
pub(super) const METRICS_CREATED: MetricFamily = family(
    "metrics_created_total",
    Counter,
    &[
        ("tier", Bounded("Tier-1, Tier-2 or Tier-3")),
        (
            "category",
            Bounded(
                "the 50 most frequent at startup, then new ones up to 50; `other` for the rest",
            ),
        ),
    ],
    "Metrics added to the catalogue, including imports",
);
pub(super) const LOG_EVENTS: MetricFamily = family(
    "log_events_total",
    Counter,
    &[("sink", Fixed(SINKS)), ("outcome", Fixed(&["shipped", "dropped", "rejected"]))],
    "Log events by sink and outcome",
);
pub(super) const LOG_BUFFERED: MetricFamily =
    family("log_events_buffered", Gauge, &[("sink", Fixed(SINKS))], "Log events not yet shipped");
pub(super) const BUILD: MetricFamily = family(
    "mdl_build_info",
    Gauge,
    &[("version", Bounded("of this build")), ("revision", Bounded("of this build"))],
    "Build information; the value is always 1",
);

/// All families, in the order of the reference.
pub const ALL: &[MetricFamily] = &[
    HTTP_REQUESTS,
    HTTP_DURATION,
    SERVER_ERRORS,
    HTTP_CONNECTIONS_OPEN,
    HTTP_CONNECTIONS_REFUSED,
    ATTEMPTS,
    ACTIVE_USERS,
    LOOKUPS,
    LAST_USED_PENDING,
    LAST_USED_FLUSHED,
    PROPAGATION,
    KEYS_CREATED,
    KEYS_REVOKED,
    REJECTIONS,
    QUERY_DURATION,
    CONNECTIONS_ACTIVE,
    CONNECTIONS_IDLE,
    CONNECTIONS_WAITING,
    CONNECTIONS_MAX,
    CIRCUIT_STATE,
    CIRCUIT_FAILURES,
    CIRCUIT_REJECTIONS,
    CIRCUIT_TRANSITIONS,
    METRICS_CREATED,
    LOG_EVENTS,
    LOG_BUFFERED,
    BUILD,
];
