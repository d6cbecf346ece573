//! A sliding window over the completed calls of the last ten seconds, in buckets of one second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::failure_cause::FailureCause;
use super::latency::{LatencyHistogram, LatencyReport};

const BUCKETS: usize = 10;
const BUCKET_LENGTH: Duration = Duration::from_secs(1);

/// Completed calls of the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: VecDeque<WindowBucket>,
}

#[derive(Debug)]
struct WindowBucket {
    started: Instant,
    counts: WindowCounts,
    latencies: LatencyHistogram,
}

/// Counts of completed calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowCounts {
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) timeouts: u64,
}

/// Calls completed in the last ten seconds, but not before the last transition: what decides
/// whether the circuit opens
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CircuitWindow)]
pub struct WindowReport {
    /// Calls that the database answered, also with an error
    pub successes: u64,
    /// Calls that failed or timed out
    pub failures: u64,
    /// Failures that were timeouts
    pub timeouts: u64,
    /// Failures in percent of the completed calls; null without calls
    pub failure_rate: Option<f64>,
    /// Null without successes
    pub latency_ms: Option<LatencyReport>,
}

impl WindowCounts {
    /// Returns successes and failures together.
    pub(super) fn completed(self) -> u64 {
        self.successes.saturating_add(self.failures)
    }
}

impl Window {
    /// Counts a call that the database answered.
    pub(super) fn count_success(&mut self, took: Duration, now: Instant) {
        if let Some(bucket) = self.bucket(now) {
            bucket.counts.successes = bucket.counts.successes.saturating_add(1);
            bucket.latencies.record(took);
        }
    }

    /// Counts a call that failed.
    pub(super) fn count_failure(&mut self, cause: FailureCause, now: Instant) {
        if let Some(bucket) = self.bucket(now) {
            bucket.counts.failures = bucket.counts.failures.saturating_add(1);
            let timeouts = bucket.counts.timeouts.saturating_add(cause.is_timeout().into());
            bucket.counts.timeouts = timeouts;
        }
    }

    /// Returns the bucket of this second; always one.
    fn bucket(&mut self, now: Instant) -> Option<&mut WindowBucket> {
        self.drop_expired(now);
        let is_current = self
            .buckets
            .back()
            .is_some_and(|last| now.saturating_duration_since(last.started) < BUCKET_LENGTH);
        if !is_current {
            self.buckets.push_back(WindowBucket {
                started: now,
                counts: WindowCounts::default(),
                latencies: LatencyHistogram::default(),
            });
        }
        self.buckets.back_mut()
    }

    /// Returns the counts of the whole window.
    pub(super) fn counts(&mut self, now: Instant) -> WindowCounts {
        self.drop_expired(now);
        self.buckets.iter().fold(WindowCounts::default(), |sum, bucket| WindowCounts {
            successes: sum.successes.saturating_add(bucket.counts.successes),
            failures: sum.failures.saturating_add(bucket.counts.failures),
            timeouts: sum.timeouts.saturating_add(bucket.counts.timeouts),
        })
    }

    /// Returns the counts and latencies of the whole window.
    pub(super) fn report(&mut self, now: Instant) -> WindowReport {
        let counts = self.counts(now);
        let mut latencies = LatencyHistogram::default();
        for bucket in &self.buckets {
            latencies.merge(&bucket.latencies);
        }
        WindowReport {
            successes: counts.successes,
            failures: counts.failures,
            timeouts: counts.timeouts,
            failure_rate: percentage(counts.failures, counts.completed()),
            latency_ms: latencies.report(),
        }
    }

    /// Discards all calls; keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
    }

    fn drop_expired(&mut self, now: Instant) {
        let length = BUCKET_LENGTH.saturating_mul(u32::try_from(BUCKETS).unwrap_or(u32::MAX));
        while self
            .buckets
            .front()
            .is_some_and(|first| now.saturating_duration_since(first.started) >= length)
        {
            self.buckets.pop_front();
        }
    }
}

/// Returns `part` in percent of `whole`, with two decimal places; none if `whole` is 0.
fn percentage(part: u64, whole: u64) -> Option<f64> {
    let hundredths = part.saturating_mul(10_000).checked_div(whole)?;
    u32::try_from(hundredths).ok().map(|hundredths| f64::from(hundredths) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(successes: u64, failures: u64, timeouts: u64) -> WindowCounts {
        WindowCounts { successes, failures, timeouts }
    }

    #[test]
    fn window_drops_calls_older_than_ten_seconds() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in 0..30 {
            let now = start + BUCKET_LENGTH * second;
            if second % 2 == 0 {
                window.count_failure(FailureCause::Connection, now);
            } else {
                window.count_success(Duration::from_millis(4), now);
            }
            assert!(window.buckets.len() <= BUCKETS);
        }
        let last = start + BUCKET_LENGTH * 29;
        assert_eq!(window.counts(last), counts(5, 5, 0));
        assert_eq!(window.counts(last + BUCKET_LENGTH * 9), counts(1, 0, 0));
        assert_eq!(window.counts(last + BUCKET_LENGTH * 10), counts(0, 0, 0));
    }

    #[test]
    fn calls_of_one_second_share_a_bucket() {
        let (mut window, start) = (Window::default(), Instant::now());
        for _ in 0..100 {
            window.count_failure(FailureCause::Connection, start);
            window.count_success(Duration::ZERO, start + BUCKET_LENGTH / 2);
        }
        assert_eq!((window.buckets.len(), window.counts(start)), (1, counts(100, 100, 0)));
    }

    #[test]
    fn report_has_rate_timeouts_and_latency() {
        let (mut window, now) = (Window::default(), Instant::now());
        let empty = window.report(now);
        assert_eq!((empty.failure_rate, empty.latency_ms), (None, None));
        window.count_success(Duration::from_millis(1), now);
        window.count_success(Duration::from_millis(3), now + BUCKET_LENGTH);
        window.count_failure(FailureCause::LockTimeout, now + BUCKET_LENGTH);
        let report = window.report(now + BUCKET_LENGTH);
        assert_eq!((report.successes, report.failures, report.timeouts), (2, 1, 1));
        assert_eq!(report.failure_rate, Some(33.33));
        assert_eq!(report.latency_ms.map(|latency| latency.mean), Some(2.0));
    }
}
