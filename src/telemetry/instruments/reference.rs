//! Renders `docs/metrics.md` from [`families`](super::families). `scripts/metrics-reference` writes
//! the file, and a test compares it.

use std::fmt::Write;

use super::families::ALL;
use super::family::{LabelValues, MetricFamily, MetricKind};

const HEAD: &str = "# Metrics for Prometheus

<!-- Generated from src/telemetry/instruments/families.rs by scripts/metrics-reference. -->

Served at `/metrics` on `HOST`:`METRICS_PORT` (default 9090; if it equals `PORT`, on the API's
listener), without authentication and rate limits. `METRICS_ENABLED=false` switches it off.
`deploy/prometheus/prometheus.yml` is an example of a scrape configuration.

Every label has a bounded set of values, so clients cannot create series. Where the values are
known in advance, every combination exists from the start with the value 0.

| name | type | labels | meaning |
| --- | --- | --- | --- |
";

const FOOT: &str = "
Upper bounds of buckets, in seconds: ";

const PROCESS: &str = "

On Linux also the usual `process_cpu_seconds_total`, `process_open_fds`, `process_max_fds`,
`process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_start_time_seconds` and
`process_threads`.

`active_users_total` is a gauge in spite of its name, which existing dashboards use; `promtool
check metrics` reports it. Each process counts the users of the whole database, so use `max`, not
`sum`, over instances.
";

/// Returns the content of the file.
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
        MetricKind::Histogram(buckets) => Some(format!("`{}` {}", family.name, numbers(buckets))),
        _ => None,
    });
    text.push_str(&histograms.collect::<Vec<_>>().join("; "));
    text.push('.');
    text.push_str(PROCESS);
    text
}

fn kind(family: &MetricFamily) -> &'static str {
    match family.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram(_) => "histogram",
    }
}

fn labels(family: &MetricFamily) -> String {
    let describe = |(name, values): &(&str, LabelValues)| match values {
        LabelValues::Fixed(values) => format!("`{name}`: {}", values.join(", ")),
        LabelValues::Bounded(description) => format!("`{name}`: {description}"),
    };
    family.labels.iter().map(describe).collect::<Vec<_>>().join("; ")
}

fn numbers(buckets: &[f64]) -> String {
    buckets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
