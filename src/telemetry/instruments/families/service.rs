//! Families that say what the service does beside its answers: lookups of sessions, cached
//! responses, mails, and how its tables grow.

use strum::VariantNames;

use crate::telemetry::instruments::family::LabelValues::Fixed;
use crate::telemetry::instruments::family::MetricKind::{Counter, Gauge};
use crate::telemetry::instruments::family::{MetricFamily, family};
use crate::telemetry::instruments::labels::{
    CacheOutcome, MailOutcome, ReplicaOutcome, SpanOutcome,
};

pub(in crate::telemetry::instruments) const SESSION_LOOKUPS: MetricFamily = family(
    "session_cache_lookups_total",
    Counter,
    &[("outcome", Fixed(CacheOutcome::VARIANTS))],
    "Lookups of the sessions of valid access tokens, by outcome: hit (in the cache), miss (looked \
     up in the database, or not found out), stale (cached session that was accepted because the \
     database was unavailable or the service overloaded)",
);
pub(in crate::telemetry::instruments) const CACHE_LOOKUPS: MetricFamily = family(
    "response_cache_lookups_total",
    Counter,
    &[("outcome", Fixed(CacheOutcome::VARIANTS))],
    "Reads of the catalogue, by outcome: hit (cached response, still current), miss (read from the \
     database, or not answered), stale (cached response that may be outdated, sent because the \
     database was unavailable or the service overloaded)",
);
pub(in crate::telemetry::instruments) const REPLICA_READS: MetricFamily = family(
    "read_replica_reads_total",
    Counter,
    &[("outcome", Fixed(ReplicaOutcome::VARIANTS))],
    "Reads of the catalogue with DATABASE_READ_URL, by outcome: replica (read there), and read on \
     the primary because the replica was behind (it lacks a change), unavailable (it did not \
     answer, or is no standby), or answered with an error (such as an item that does not exist), \
     or because the epoch of the catalogue was unconfirmed",
);
pub(in crate::telemetry::instruments) const CACHE_BYTES: MetricFamily = family(
    "response_cache_bytes",
    Gauge,
    &[],
    "Approximate size in bytes of the cached responses, at most CACHE_MAX_BYTES",
);
pub(in crate::telemetry::instruments) const MAILS: MetricFamily = family(
    "mails_total",
    Counter,
    &[("outcome", Fixed(MailOutcome::VARIANTS))],
    "Mails for password resets, by outcome: sent (accepted by the mail server or written to the \
     folder), failed (the log says why), disabled (SMTP_URL is not set)",
);
pub(in crate::telemetry::instruments) const TABLE_ROWS: MetricFamily = family(
    "table_rows",
    Gauge,
    &[(
        "table",
        Fixed(&[
            "api_keys",
            "audit_events",
            "caller_hits",
            "idempotency_keys",
            "known_addresses",
            "metric_revisions",
            "metric_snapshots",
            "password_resets",
            "rate_limit_hits",
            "sessions",
        ]),
    )],
    "Rows of tables that grow with use, as the statistics of the database estimate them, read \
     every minute; 0 until the first reading. Each process reads the same database, so use max, \
     not sum",
);
pub(in crate::telemetry::instruments) const SPANS: MetricFamily = family(
    "trace_spans_total",
    Counter,
    &[("outcome", Fixed(SpanOutcome::VARIANTS))],
    "Spans of traces by final outcome: exported (acknowledged by the collector), failed (not \
     acknowledged after retries, or refused), dropped (the queue was full)",
);
pub(in crate::telemetry::instruments) const SPANS_BUFFERED: MetricFamily = family(
    "trace_spans_buffered",
    Gauge,
    &[],
    "Spans of traces that have ended and are not exported, failed or dropped yet",
);
