//! `docs/metrics.md`, made from [`families`](super::families).

use std::fmt::Write;

use super::families::{ALL, Family, Kind, Values};

const HEAD: &str = "# Metrics for Prometheus

<!-- Made from src/telemetry/instruments/families.rs: scripts/metrics-reference. A test compares. -->

Served at `/metrics` on `HOST`:`METRICS_PORT` (9090 if not said; the same as `PORT` puts it on the API's listener), without
credentials and without limits; `METRICS_ENABLED=false` switches it off. `deploy/prometheus/prometheus.yml` shows how to scrape it.

Every label has a closed set of values, so that no client can make series; where the set is known beforehand, every
combination is there at 0 from the start. A panic counts in `http_server_errors_total` only: there is no answer of a route then.

| name | type | labels | meaning |
| --- | --- | --- | --- |
";

const FOOT: &str = "
Upper bounds of buckets, in seconds: ";

const PROCESS: &str = "

On Linux also `process_cpu_seconds_total`, `process_open_fds`, `process_max_fds`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_start_time_seconds` and `process_threads`, as everywhere.

`active_users_total` is a gauge in spite of its name, which existing dashboards ask for; `promtool check metrics` says so. Each
process counts the users of the whole database, so take `max`, not `sum`, over instances.
";

/// The whole file.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for family in ALL {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            family.name,
            kind(family),
            labels(family),
            family.help
        );
    }
    text.push_str(FOOT);
    let histograms = ALL.iter().filter_map(|family| match family.kind {
        Kind::Histogram(buckets) => Some(format!("`{}` {}", family.name, numbers(buckets))),
        _ => None,
    });
    text.push_str(&histograms.collect::<Vec<_>>().join("; "));
    text.push('.');
    text.push_str(PROCESS);
    text
}

fn kind(family: &Family) -> &'static str {
    match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn labels(family: &Family) -> String {
    let one = |(name, values): &(&str, Values)| match values {
        Values::Of(values) => format!("`{name}`: {}", values.join(", ")),
        Values::Bounded(words) => format!("`{name}`: {words}"),
    };
    family.labels.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn numbers(buckets: &[f64]) -> String {
    buckets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
