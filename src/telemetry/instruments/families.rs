//! All families of metrics that Prometheus can read here: name, help, type and labels, each once.
//! The instruments are made from this list, and so is their reference in `docs/metrics.md`.
//!
//! Labels have closed sets of values, and where a set is known beforehand every combination exists
//! from the start, because a counter that appears with its first event hides that event from
//! `rate()`.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Seconds, from a read out of memory to a request that nearly took too long.
pub const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What a family measures with.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Counter,
    /// Is what it is.
    Gauge,
    /// Counts in buckets, with these upper bounds.
    Histogram(&'static [f64]),
}

/// Which values a label can have.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    Of(&'static [&'static str]),
    /// Bounded, as these words say.
    Bounded(&'static str),
}

/// One family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    /// What it counts or measures, in one sentence.
    pub help: &'static str,
    /// What it measures with.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [(&'static str, Values)],
}

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [(&'static str, Values)],
    help: &'static str,
) -> Family {
    Family { name, help, kind, labels }
}

use Kind::{Counter, Gauge, Histogram};
use Values::{Bounded, Of};

const HTTP: &[(&str, Values)] = &[
    ("route", Bounded("the pattern of the route, or `unmatched`")),
    ("method", Bounded("GET (HEAD too), POST, PUT, PATCH, DELETE, OPTIONS or OTHER")),
    ("status_code", Bounded("the statuses of the API")),
];
const CIRCUIT: (&str, Values) = ("breaker_name", Of(&["metrics", "domains", "auth", "api_keys"]));
/// Sinks of log events.
pub const SINKS: &[&str] = &["stdout", "cloudwatch", "elasticsearch"];

// The two of actix-web-prom, with its words.
pub(super) const HTTP_REQUESTS: Family =
    family("http_requests_total", Counter, HTTP, "Total number of HTTP requests");
pub(super) const HTTP_DURATION: Family = family(
    "http_request_duration_seconds",
    Histogram(SECONDS),
    HTTP,
    "HTTP request duration in seconds for all requests",
);
pub(super) const SERVER_ERRORS: Family = family(
    "http_server_errors_total",
    Counter,
    &[("status_code", Of(&["500", "503"]))],
    "Requests that failed by a fault of the service or for want of its database; panics included",
);
pub(super) const HTTP_CONNECTIONS_OPEN: Family =
    family("http_connections_open", Gauge, &[], "Open connections to the listeners");
pub(super) const HTTP_CONNECTIONS_REFUSED: Family = family(
    "http_connections_refused_total",
    Counter,
    &[("reason", Of(&["total", "address"]))],
    "Connections that were closed at once: over the limit on all, or on those from one address",
);
pub(super) const ATTEMPTS: Family = family(
    "auth_attempts_total",
    Counter,
    &[
        ("method", Of(&["login", "api_key", "refresh", "jwt"])),
        ("status", Of(&["success", "failure"])),
    ],
    "Credentials that were judged",
);
pub(super) const ACTIVE_USERS: Family =
    family("active_users_total", Gauge, &[], "Users with a live session, counted every 15 seconds");
pub(super) const LOOKUPS: Family = family(
    "api_key_cache_lookups_total",
    Counter,
    &[("outcome", Of(&["hit", "miss", "negative", "malformed"]))],
    "API keys that were looked for",
);
pub(super) const LAST_USED_PENDING: Family =
    family("api_key_last_used_pending", Gauge, &[], "API keys whose last use is to be written");
pub(super) const LAST_USED_WRITTEN: Family = family(
    "api_key_last_used_flush_timestamp_seconds",
    Gauge,
    &[],
    "When last uses were last written, or there was none to write, in seconds since 1970",
);
pub(super) const PROPAGATION: Family = family(
    "api_key_revocation_propagation_seconds",
    Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
    &[],
    "From a change of authority in the database to its effect here",
);
pub(super) const KEYS_CREATED: Family =
    family("api_keys_created_total", Counter, &[], "API keys that were made, by rotation included");
pub(super) const KEYS_REVOKED: Family =
    family("api_keys_revoked_total", Counter, &[], "API keys that were revoked");
pub(super) const REJECTIONS: Family = family(
    "rate_limit_rejections_total",
    Counter,
    &[(
        "policy",
        Of(&["general", "auth", "api_key", "password_reset", "burst", "unknown_key", "caller"]),
    )],
    "Requests that a rate limit has refused",
);
pub(super) const QUERY_DURATION: Family = family(
    "db_query_duration_seconds",
    Histogram(SECONDS),
    &[
        ("operation", Bounded("the operations in the code")),
        ("table", Bounded("the tables that circuits guard")),
    ],
    "Time of calls to the database",
);
pub(super) const CONNECTIONS_ACTIVE: Family =
    family("db_connections_active", Gauge, &[], "Database connections in use");
pub(super) const CONNECTIONS_IDLE: Family =
    family("db_connections_idle", Gauge, &[], "Database connections open and idle");
pub(super) const CONNECTIONS_WAITING: Family =
    family("db_connections_waiting", Gauge, &[], "Callers that wait for a database connection");
pub(super) const CONNECTIONS_MAX: Family =
    family("db_connections_max", Gauge, &[], "Most database connections");
pub(super) const CIRCUIT_STATE: Family =
    family("circuit_breaker_state", Gauge, &[CIRCUIT], "0 closed, 1 half-open, 2 open or isolated");
pub(super) const CIRCUIT_FAILURES: Family =
    family("circuit_breaker_failures_total", Counter, &[CIRCUIT], "Calls that failed");
pub(super) const CIRCUIT_REJECTIONS: Family =
    family("circuit_breaker_rejections_total", Counter, &[CIRCUIT], "Calls that were refused");
pub(super) const CIRCUIT_TRANSITIONS: Family = family(
    "circuit_breaker_transitions_total",
    Counter,
    &[CIRCUIT, ("to", Of(&["closed", "open", "half-open", "isolated"]))],
    "Changes of state",
);
pub(super) const METRICS_CREATED: Family = family(
    "metrics_created_total",
    Counter,
    &[
        ("tier", Bounded("Tier-1, Tier-2 or Tier-3")),
        (
            "category",
            Bounded(
                "the 50 commonest when the service starts, then the first to come; else `other`",
            ),
        ),
    ],
    "Metrics that were added to the catalogue, by import included",
);
pub(super) const LOG_EVENTS: Family = family(
    "log_events_total",
    Counter,
    &[("sink", Of(SINKS)), ("outcome", Of(&["shipped", "dropped", "rejected"]))],
    "Log events, by what became of them",
);
pub(super) const LOG_BUFFERED: Family = family(
    "log_events_buffered",
    Gauge,
    &[("sink", Of(SINKS))],
    "Log events that wait to be shipped",
);
pub(super) const BUILD: Family = family(
    "mdl_build_info",
    Gauge,
    &[("version", Bounded("of this build")), ("revision", Bounded("of this build"))],
    "Always 1; what is running",
);

/// All of ours, in the order of the reference.
pub const ALL: &[Family] = &[
    HTTP_REQUESTS,
    HTTP_DURATION,
    SERVER_ERRORS,
    HTTP_CONNECTIONS_OPEN,
    HTTP_CONNECTIONS_REFUSED,
    ATTEMPTS,
    ACTIVE_USERS,
    LOOKUPS,
    LAST_USED_PENDING,
    LAST_USED_WRITTEN,
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

impl Family {
    /// Its counters, in this registry.
    pub(super) fn counters(&self, registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(self.options(), &self.names())?;
        registry.register(Box::new(counters.clone()))?;
        for values in self.combinations() {
            counters.with_label_values(&values);
        }
        Ok(counters)
    }

    /// Its gauges, in this registry.
    pub(super) fn gauges(&self, registry: &Registry) -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(self.options(), &self.names())?;
        registry.register(Box::new(gauges.clone()))?;
        for values in self.combinations() {
            gauges.with_label_values(&values);
        }
        Ok(gauges)
    }

    /// Its histograms, in this registry.
    pub(super) fn histograms(
        &self,
        registry: &Registry,
    ) -> Result<HistogramVec, prometheus::Error> {
        let Histogram(buckets) = self.kind else {
            return Err(prometheus::Error::Msg(format!("{} is no histogram", self.name)));
        };
        let options = HistogramOpts::new(self.name, self.help).buckets(buckets.to_vec());
        let histograms = HistogramVec::new(options, &self.names())?;
        registry.register(Box::new(histograms.clone()))?;
        for values in self.combinations() {
            histograms.with_label_values(&values);
        }
        Ok(histograms)
    }

    fn options(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    fn names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|(name, _)| *name).collect()
    }

    /// Every combination of values, if all are known beforehand; the one without any, if there are
    /// no labels.
    fn combinations(&self) -> Vec<Vec<&'static str>> {
        self.labels.iter().fold(vec![Vec::new()], |before, (_, values)| match values {
            Of(values) => before
                .iter()
                .flat_map(|start| values.iter().map(|value| [&start[..], &[*value]].concat()))
                .collect(),
            Bounded(_) => Vec::new(),
        })
    }
}
