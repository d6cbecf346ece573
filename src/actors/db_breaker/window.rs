//! What became of the calls of the last ten seconds, second by second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const BUCKETS: usize = 10;
const BUCKET: Duration = Duration::from_secs(1);

/// Completed calls of the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: VecDeque<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    began: Instant,
    successes: u64,
    failures: u64,
}

impl Window {
    /// Counts one call.
    pub(super) fn count(&mut self, failed: bool, now: Instant) {
        self.forget(now);
        let fresh = self
            .buckets
            .back()
            .is_some_and(|last| now.saturating_duration_since(last.began) < BUCKET);
        if !fresh {
            self.buckets.push_back(Bucket { began: now, successes: 0, failures: 0 });
        }
        if let Some(bucket) = self.buckets.back_mut() {
            let count = if failed { &mut bucket.failures } else { &mut bucket.successes };
            *count = count.saturating_add(1);
        }
    }

    /// Successes and failures.
    pub(super) fn totals(&mut self, now: Instant) -> (u64, u64) {
        self.forget(now);
        self.buckets.iter().fold((0, 0), |(successes, failures), bucket| {
            (successes.saturating_add(bucket.successes), failures.saturating_add(bucket.failures))
        })
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
    }

    fn forget(&mut self, now: Instant) {
        let length = BUCKET.saturating_mul(u32::try_from(BUCKETS).unwrap_or(u32::MAX));
        while self
            .buckets
            .front()
            .is_some_and(|first| now.saturating_duration_since(first.began) >= length)
        {
            self.buckets.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in 0..30 {
            let now = start + BUCKET * second;
            window.count(second % 2 == 0, now);
            assert!(window.buckets.len() <= BUCKETS);
        }
        let last = start + BUCKET * 29;
        assert_eq!(window.totals(last), (5, 5));
        assert_eq!(window.totals(last + BUCKET * 9), (1, 0));
        assert_eq!(window.totals(last + BUCKET * 10), (0, 0));
    }
}
