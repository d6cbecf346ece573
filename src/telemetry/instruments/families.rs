//! All metric families that Prometheus can scrape: name, help, type and labels, each once. The
//! instruments are created from this list, and so is the reference in `docs/metrics.md`.
//!
//! Labels have a bounded number of values. Where the values are known, every combination exists
//! from the start, because a counter that appears with its first event hides that event from
//! `rate()`.

pub(super) mod http;
pub(super) mod service;

use strum::VariantNames;

use self::http::{
    EXPOSITION_DURATION, EXPOSITION_REQUESTS, HTTP_CONNECTIONS_OPEN, HTTP_CONNECTIONS_REFUSED,
    HTTP_DURATION, HTTP_PARSE_ERRORS, HTTP_REQUESTS, REQUESTS_IN_FLIGHT, SECONDS, SERVER_ERRORS,
};
use self::service::{
    CACHE_BYTES, CACHE_LOOKUPS, MAILS, REPLICA_READS, SESSION_LOOKUPS, SPANS, SPANS_BUFFERED,
    TABLE_ROWS,
};
use super::family::LabelValues::{self, Bounded, Fixed};
use super::family::MetricKind::{Counter, Gauge, Histogram};
use super::family::{MetricFamily, family};
use super::labels::{AuthMethod, AuthStatus, KeyLookupOutcome};

const CIRCUIT: (&str, LabelValues) =
    ("breaker_name", Fixed(&["metrics", "domains", "auth", "api_keys"]));
/// Sinks of log events.
pub const SINKS: &[&str] = &["stdout", "cloudwatch", "elasticsearch"];

pub(super) const ATTEMPTS: MetricFamily = family(
    "auth_attempts_total",
    Counter,
    &[("method", Fixed(AuthMethod::VARIANTS)), ("status", Fixed(AuthStatus::VARIANTS))],
    "Authentication attempts with a final result, by method: login (password), refresh (refresh \
     token), jwt (access token), api_key; attempts that could not be checked, for example \
     because the database was unavailable, are not counted",
);
pub(super) const ACTIVE_USERS: MetricFamily = family(
    "active_users_total",
    Gauge,
    &[],
    "Distinct users with at least one unexpired session in the database, read every 15 seconds; \
     the last value is kept while the database is unavailable",
);
pub(super) const LOOKUPS: MetricFamily = family(
    "api_key_cache_lookups_total",
    Counter,
    &[("outcome", Fixed(KeyLookupOutcome::VARIANTS))],
    "Lookups of presented API keys, by outcome: hit (valid key in the cache), negative (key \
     known to be invalid, in the cache), miss (looked up in the database), malformed (refused by \
     format or checksum)",
);
pub(super) const LAST_USED_PENDING: MetricFamily = family(
    "api_key_last_used_pending",
    Gauge,
    &[],
    "API keys with a last_used_at that is in memory only; a crash of the process loses these \
     values",
);
pub(super) const LAST_USED_FLUSHED: MetricFamily = family(
    "api_key_last_used_flush_timestamp_seconds",
    Gauge,
    &[],
    "Unix time in seconds of the last successful flush of last_used_at, or of the last check \
     that found nothing to write",
);
pub(super) const PROPAGATION: MetricFamily = family(
    "api_key_revocation_propagation_seconds",
    Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
    &[],
    "Time in seconds from a change of permissions, by the clock of the database, until this \
     process applied it to its caches; clocks that differ distort it",
);
pub(super) const KEYS_CREATED: MetricFamily = family(
    "api_keys_created_total",
    Counter,
    &[],
    "API keys created by requests to this process, including the successors of rotated keys",
);
pub(super) const KEYS_REVOKED: MetricFamily = family(
    "api_keys_revoked_total",
    Counter,
    &[],
    "API keys revoked by requests to this process, each key once, however many a request revokes",
);
pub(super) const REJECTIONS: MetricFamily = family(
    "rate_limit_rejections_total",
    Counter,
    &[(
        "policy",
        Fixed(&["general", "auth", "api_key", "password_reset", "burst", "unknown_key", "caller"]),
    )],
    "Requests answered with 429, by the policy that rejected them",
);
pub(super) const QUERY_DURATION: MetricFamily = family(
    "db_query_duration_seconds",
    Histogram(SECONDS),
    &[
        ("operation", Bounded("the operations on this table in the code")),
        ("table", Bounded("the tables of the schema, and `server`")),
    ],
    "Duration in seconds of database calls, from the first statement until the result, failure \
     or timeout, without the wait for a connection; a transaction counts once for each attempt",
);
pub(super) const CONNECTIONS_ACTIVE: MetricFamily =
    family("db_connections_active", Gauge, &[], "Connections of the pool that execute a call now");
pub(super) const CONNECTIONS_IDLE: MetricFamily =
    family("db_connections_idle", Gauge, &[], "Open connections of the pool that no call uses now");
pub(super) const CONNECTIONS_WAITING: MetricFamily = family(
    "db_connections_waiting",
    Gauge,
    &[],
    "Calls that wait for a connection of the pool now; at most 32 for each connection of the \
     maximum, further ones are refused",
);
pub(super) const CONNECTIONS_MAX: MetricFamily = family(
    "db_connections_max",
    Gauge,
    &[],
    "Maximum number of connections of the pool (DB_POOL_MAX)",
);
pub(super) const CIRCUIT_STATE: MetricFamily = family(
    "circuit_breaker_state",
    Gauge,
    &[CIRCUIT],
    "State of the circuit: 0 closed, 1 half-open (a probe is under way), 2 open or isolated",
);
pub(super) const CIRCUIT_FAILURES: MetricFamily = family(
    "circuit_breaker_failures_total",
    Counter,
    &[CIRCUIT],
    "Database calls that failed or timed out, by circuit; a failure to connect counts in every \
     circuit; errors that a working database returns, such as a violated constraint, do not \
     count",
);
pub(super) const CIRCUIT_REJECTIONS: MetricFamily = family(
    "circuit_breaker_rejections_total",
    Counter,
    &[CIRCUIT],
    "Database calls refused because the circuit was open, half-open or isolated; a request may \
     make several calls",
);
pub(super) const CIRCUIT_TRANSITIONS: MetricFamily = family(
    "circuit_breaker_transitions_total",
    Counter,
    &[CIRCUIT, ("to", Fixed(&["closed", "open", "half-open", "isolated"]))],
    "Changes of the state of the circuit, by new state; within an outage each failed probe \
     counts half-open and open once more",
);
pub(super) const METRICS_CREATED: MetricFamily = family(
    "metrics_created_total",
    Counter,
    &[
        ("tier", Bounded("Tier-1, Tier-2, Tier-3, or none (draft)")),
        (
            "category",
            Bounded(
                "the 50 most frequent at startup, then new ones up to 50; `other` for the rest",
            ),
        ),
    ],
    "Metrics (entries of the catalogue) created by requests to this process, including imports",
);
pub(super) const LOG_EVENTS: MetricFamily = family(
    "log_events_total",
    Counter,
    &[("sink", Fixed(SINKS)), ("outcome", Fixed(&["shipped", "dropped", "rejected"]))],
    "Log events by sink and final outcome: shipped (written or acknowledged), dropped (lost \
     because the buffer was full or the sink ended), rejected (refused by the sink)",
);
pub(super) const LOG_BUFFERED: MetricFamily = family(
    "log_events_buffered",
    Gauge,
    &[("sink", Fixed(SINKS))],
    "Log events accepted by the sink's buffer and not yet shipped, dropped or rejected",
);
pub(super) const BUILD: MetricFamily = family(
    "mdl_build_info",
    Gauge,
    &[("version", Bounded("of this build")), ("revision", Bounded("of this build"))],
    "Version and git revision of the running build, as labels; the value is always 1",
);

/// All families, in the order of the reference.
pub const ALL: &[MetricFamily] = &[
    HTTP_REQUESTS,
    HTTP_DURATION,
    SERVER_ERRORS,
    REQUESTS_IN_FLIGHT,
    EXPOSITION_REQUESTS,
    EXPOSITION_DURATION,
    HTTP_CONNECTIONS_OPEN,
    HTTP_CONNECTIONS_REFUSED,
    HTTP_PARSE_ERRORS,
    ATTEMPTS,
    ACTIVE_USERS,
    LOOKUPS,
    SESSION_LOOKUPS,
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
    CACHE_LOOKUPS,
    REPLICA_READS,
    CACHE_BYTES,
    MAILS,
    TABLE_ROWS,
    LOG_EVENTS,
    LOG_BUFFERED,
    SPANS,
    SPANS_BUFFERED,
    BUILD,
];
