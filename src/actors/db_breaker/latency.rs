//! A histogram of latencies with fixed buckets: eight for each doubling, so that a percentile is
//! reported at most 12.5 % above its true value. 1 µs to 134 s; longer ones count as 134 s.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// Bits of a latency below its highest one that select the bucket.
const PRECISION_BITS: u32 = 3;
const BUCKETS_PER_DOUBLING: usize = 1 << PRECISION_BITS;
/// Latencies are below 2 to this power, in microseconds.
const MAX_BITS: u32 = 27;
const BUCKETS: usize = (MAX_BITS - PRECISION_BITS + 1) as usize * BUCKETS_PER_DOUBLING;

/// Counts of latencies by bucket.
#[derive(Clone, Debug)]
pub(super) struct LatencyHistogram {
    buckets: [u32; BUCKETS],
    count: u64,
    total_micros: u64,
}

/// Latency of the calls that the database answered, in milliseconds
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CircuitLatency)]
pub struct LatencyReport {
    /// Mean, which is exact
    pub mean: f64,
    /// Median, at most 12.5 % too high, as are the other percentiles
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, total_micros: 0 }
    }
}

/// Returns the bucket of a latency. Below 16 µs each has a bucket of its own.
fn bucket_index(micros: u32) -> usize {
    let micros = micros.min((1 << MAX_BITS) - 1);
    let shift = (u32::BITS - micros.leading_zeros()).saturating_sub(PRECISION_BITS + 1);
    shift as usize * BUCKETS_PER_DOUBLING + (micros >> shift) as usize
}

/// Returns the highest latency of a bucket, in microseconds.
fn bucket_maximum(index: usize) -> u64 {
    let shift = (index / BUCKETS_PER_DOUBLING).saturating_sub(1);
    let leading = (index - shift * BUCKETS_PER_DOUBLING) as u64;
    ((leading + 1) << shift) - 1
}

impl LatencyHistogram {
    /// Counts a latency.
    pub(super) fn record(&mut self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket_index(micros)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.total_micros = self.total_micros.saturating_add(micros.into());
    }

    /// Adds the counts of another histogram.
    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(*more);
        }
        self.count = self.count.saturating_add(other.count);
        self.total_micros = self.total_micros.saturating_add(other.total_micros);
    }

    /// Returns mean and percentiles; none without latencies.
    pub(super) fn report(&self) -> Option<LatencyReport> {
        let mean = self.total_micros.checked_div(self.count)?;
        Some(LatencyReport {
            mean: milliseconds(mean),
            p50: milliseconds(self.percentile(50)),
            p95: milliseconds(self.percentile(95)),
            p99: milliseconds(self.percentile(99)),
        })
    }

    /// Returns the maximum of the bucket that contains this percentile, in microseconds.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = self.count.saturating_mul(percent).div_ceil(100).max(1);
        let mut below = 0_u64;
        let found = self.buckets.iter().position(|bucket| {
            below = below.saturating_add((*bucket).into());
            below >= rank
        });
        found.map_or(0, bucket_maximum)
    }
}

fn milliseconds(micros: u64) -> f64 {
    f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests;
