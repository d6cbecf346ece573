//! Aggregates repeated log events, so that a flood of requests does not become a flood of lines:
//! the first event of a key is logged at once, those that follow are counted, and the count is
//! logged once per interval. No event is lost: the logged ones and the counts add up to all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Interval in which repeated events of a key are counted.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Counts of repeated events by key. Keys come from a closed set (a policy, a circuit), which
/// bounds the map.
#[derive(Debug)]
pub struct RepeatedEvents<K> {
    keys: Mutex<HashMap<K, RepeatedKey>>,
}

#[derive(Debug)]
struct RepeatedKey {
    /// Start of the current interval: when an event or a count of this key was last logged.
    logged_at: Instant,
    /// Events since then.
    repeated: u64,
}

impl<K> Default for RepeatedEvents<K> {
    fn default() -> Self {
        Self { keys: Mutex::default() }
    }
}

impl<K: Eq + Hash + Copy> RepeatedEvents<K> {
    /// Counts an event. Returns whether to log it: only if none of its key was logged in the last
    /// interval.
    pub fn record(&self, key: K, now: Instant) -> bool {
        self.record_many(key, 1, now)
    }

    /// Counts this many events of one key. Returns whether to log one of them, as
    /// [`RepeatedEvents::record`] does.
    pub fn record_many(&self, key: K, events: u64, now: Instant) -> bool {
        if events == 0 {
            return false;
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_first = false;
        let entry = keys.entry(key).or_insert_with(|| {
            is_first = true;
            RepeatedKey { logged_at: now, repeated: 0 }
        });
        let counted = events.saturating_sub(is_first.into());
        entry.repeated = entry.repeated.saturating_add(counted);
        is_first
    }

    /// Returns the keys whose interval has ended, with the number of events to report, and starts
    /// their next interval. A key without events in its interval is removed: its next event is
    /// logged at once. Call it about once a second.
    pub fn take_due(&self, now: Instant) -> Vec<(K, u64)> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |entry: &RepeatedKey| now.duration_since(entry.logged_at) >= INTERVAL;
        keys.retain(|_, entry| !is_due(entry) || entry.repeated > 0);
        keys.iter_mut()
            .filter(|(_, entry)| is_due(entry))
            .map(|(key, entry)| {
                entry.logged_at = now;
                (*key, std::mem::take(&mut entry.repeated))
            })
            .collect()
    }

    /// Returns all counts that were not reported yet, for shutdown.
    pub fn take_all(&self) -> Vec<(K, u64)> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let all = keys.drain().map(|(key, entry)| (key, entry.repeated));
        all.filter(|(_, repeated)| *repeated > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_logged_or_counted_exactly_once() {
        let (events, start) = (RepeatedEvents::default(), Instant::now());
        let (mut logged, mut counts) = (0, Vec::new());
        // 10,000 events in 25 seconds.
        for number in 0..10_000 {
            let now = start + Duration::from_micros(2_500 * number);
            logged += u64::from(events.record("burst", now));
            counts.extend(events.take_due(now).into_iter().map(|(_, count)| count));
        }
        assert_eq!((logged, counts.len()), (1, 2), "the first at once, then one count an interval");
        counts.extend(events.take_due(start + INTERVAL * 3).into_iter().map(|(_, count)| count));
        assert_eq!(logged + counts.iter().sum::<u64>(), 10_000);
        assert_eq!(events.take_due(start + INTERVAL * 4), []);
        assert!(events.record("burst", start + INTERVAL * 4), "after a quiet interval");
    }

    #[test]
    fn keys_are_counted_apart_and_unreported_counts_can_be_taken() {
        let (events, now) = (RepeatedEvents::default(), Instant::now());
        assert!(events.record("general", now));
        assert!(events.record("burst", now));
        assert!(!events.record("burst", now));
        assert_eq!(events.take_all(), [("burst", 1)]);
        assert_eq!(events.take_all(), []);
    }
}
