//! What happened in the last quarter of an hour, for the page about the health of the service. The
//! totals of the instruments are read every few seconds and kept; what happened in between is their
//! difference. Nothing else is asked, so the page also works where no Prometheus does.

mod interval;
mod totals;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::interval::MeasuredInterval;
pub use self::totals::Totals;

/// Time between two readings.
pub const EVERY: Duration = Duration::from_secs(5);
/// How far back the readings go.
pub const WINDOW: Duration = Duration::from_mins(15);
/// Readings of the whole window, and the one before its first interval.
const READINGS: usize = 181;

/// The readings of the last quarter of an hour.
#[derive(Debug, Default)]
pub struct RecentReadings(Mutex<VecDeque<(Instant, Totals)>>);

impl RecentReadings {
    /// Keeps a reading, and drops those that are too old.
    pub fn record(&self, now: Instant, totals: Totals) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.push_back((now, totals));
        let is_old = |at: Instant| now.saturating_duration_since(at) > WINDOW + EVERY;
        while readings.len() > READINGS || readings.front().is_some_and(|(at, _)| is_old(*at)) {
            readings.pop_front();
        }
    }

    /// Returns what happened between the readings, oldest first, each with its age: the time from
    /// its end to `now`.
    pub fn intervals(&self, now: Instant) -> Vec<(Duration, MeasuredInterval)> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = readings.iter().zip(readings.iter().skip(1));
        pairs
            .map(|((start, before), (end, after))| {
                let took = end.saturating_duration_since(*start);
                (
                    now.saturating_duration_since(*end),
                    MeasuredInterval::between(before, after, took),
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
