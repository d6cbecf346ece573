//! What happened between two readings.

use std::time::Duration;

use super::totals::Totals;
use crate::telemetry::instruments::http::SECONDS;

/// What happened in a span of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredInterval {
    pub took: Duration,
    pub requests: u64,
    pub server_errors: u64,
    pub rate_limited: u64,
    pub refused_by_circuits: u64,
    pub cache_hits: u64,
    pub cache_lookups: u64,
    /// Requests by the bucket of their time; those beyond the last bound are in none.
    buckets: Vec<u64>,
}

impl MeasuredInterval {
    /// Returns what happened from one reading to the next.
    pub(super) fn between(before: &Totals, after: &Totals, took: Duration) -> Self {
        let since = |before: u64, after: u64| after.saturating_sub(before);
        let buckets = |totals: &Totals, index: usize| {
            // Cumulative: each also counts what is in the lower ones.
            let counts = &totals.responses.below;
            let lower = index.checked_sub(1).and_then(|index| counts.get(index));
            since(lower.copied().unwrap_or(0), counts.get(index).copied().unwrap_or(0))
        };
        Self {
            took,
            requests: since(before.responses.number, after.responses.number),
            server_errors: since(before.server_errors, after.server_errors),
            rate_limited: since(before.rate_limited, after.rate_limited),
            refused_by_circuits: since(before.refused_by_circuits, after.refused_by_circuits),
            cache_hits: since(before.cache_hits, after.cache_hits),
            cache_lookups: since(before.cache_lookups, after.cache_lookups),
            buckets: (0..SECONDS.len())
                .map(|index| since(buckets(before, index), buckets(after, index)))
                .collect(),
        }
    }

    /// Returns what happened in several intervals together.
    pub fn sum<'a>(intervals: impl Iterator<Item = &'a Self>) -> Self {
        intervals.fold(Self::default(), |mut all, one| {
            all.took += one.took;
            all.requests += one.requests;
            all.server_errors += one.server_errors;
            all.rate_limited += one.rate_limited;
            all.refused_by_circuits += one.refused_by_circuits;
            all.cache_hits += one.cache_hits;
            all.cache_lookups += one.cache_lookups;
            all.buckets.resize(all.buckets.len().max(one.buckets.len()), 0);
            for (sum, count) in all.buckets.iter_mut().zip(&one.buckets) {
                *sum += count;
            }
            all
        })
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        ratio(self.requests, 1).unwrap_or(0.0) / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The share of requests that the service failed; none without requests.
    pub fn error_ratio(&self) -> Option<f64> {
        ratio(self.server_errors, self.requests)
    }

    /// The share of reads of the catalogue that the cache answered; none without reads.
    pub fn hit_ratio(&self) -> Option<f64> {
        ratio(self.cache_hits, self.cache_lookups)
    }

    /// Estimates the time below which this share of the requests stayed, in seconds, as
    /// `histogram_quantile` of Prometheus does: linear within a bucket, and the last bound for all
    /// that took longer. None without requests.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * ratio(self.requests, 1).filter(|number| *number > 0.0)?;
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, upper) in self.buckets.iter().zip(SECONDS) {
            let count = ratio(*count, 1).unwrap_or(0.0);
            if count > 0.0 && below + count >= rank {
                return Some(lower + (upper - lower) * (rank - below) / count);
            }
            (below, lower) = (below + count, *upper);
        }
        SECONDS.last().copied()
    }
}

/// Counts of a quarter of an hour are exact as floating-point numbers.
#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
