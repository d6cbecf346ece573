//! A sliding window over the completed calls of the last ten seconds, in buckets of one second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const BUCKETS: usize = 10;
const BUCKET_LENGTH: Duration = Duration::from_secs(1);

/// Counts of completed calls in the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: VecDeque<CallCounts>,
}

#[derive(Debug)]
struct CallCounts {
    started: Instant,
    successes: u64,
    failures: u64,
}

impl Window {
    /// Counts one call.
    pub(super) fn count(&mut self, failed: bool, now: Instant) {
        self.drop_expired(now);
        let is_current = self
            .buckets
            .back()
            .is_some_and(|last| now.saturating_duration_since(last.started) < BUCKET_LENGTH);
        if !is_current {
            self.buckets.push_back(CallCounts { started: now, successes: 0, failures: 0 });
        }
        if let Some(bucket) = self.buckets.back_mut() {
            let count = if failed { &mut bucket.failures } else { &mut bucket.successes };
            *count = count.saturating_add(1);
        }
    }

    /// Returns the successes and failures in the window.
    pub(super) fn totals(&mut self, now: Instant) -> (u64, u64) {
        self.drop_expired(now);
        self.buckets.iter().fold((0, 0), |(successes, failures), bucket| {
            (successes.saturating_add(bucket.successes), failures.saturating_add(bucket.failures))
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_drops_calls_older_than_ten_seconds() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in 0..30 {
            let now = start + BUCKET_LENGTH * second;
            window.count(second % 2 == 0, now);
            assert!(window.buckets.len() <= BUCKETS);
        }
        let last = start + BUCKET_LENGTH * 29;
        assert_eq!(window.totals(last), (5, 5));
        assert_eq!(window.totals(last + BUCKET_LENGTH * 9), (1, 0));
        assert_eq!(window.totals(last + BUCKET_LENGTH * 10), (0, 0));
    }
}
