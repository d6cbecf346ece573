//! The permitted calls of one circuit that have not ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls in flight.
#[derive(Debug, Default)]
pub(super) struct CallsInFlight {
    next_number: u64,
    /// Calls of the current generation with their start, oldest first.
    current: VecDeque<(u64, Instant)>,
    /// Permits not yet released, those of older generations included.
    permits: u64,
}

impl CallsInFlight {
    /// Adds a call and returns its number.
    pub(super) fn start(&mut self, now: Instant) -> u64 {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.current.push_back((number, now));
        self.permits = self.permits.saturating_add(1);
        number
    }

    /// Releases the permit of a call, of whatever generation.
    pub(super) fn release_permit(&mut self) {
        self.permits = self.permits.saturating_sub(1);
    }

    /// Removes a call of the current generation. Returns false if it was removed before, because it
    /// exceeded the timeout.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let at = self.current.iter().position(|(current, _)| *current == number);
        at.and_then(|at| self.current.remove(at)).is_some()
    }

    /// Removes the oldest call if it has exceeded the timeout. Returns whether there was one.
    pub(super) fn remove_expired(&mut self, now: Instant, timeout: Duration) -> bool {
        let oldest = self.current.front();
        let expired =
            oldest.is_some_and(|(_, start)| now.saturating_duration_since(*start) >= timeout);
        expired && self.current.pop_front().is_some()
    }

    /// Starts a new generation, in which no call is in flight.
    pub(super) fn clear(&mut self) {
        self.current.clear();
    }

    /// Returns the number of calls of the current generation.
    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    /// Returns the number of permits that are not released, of all generations.
    pub(super) fn permits(&self) -> u64 {
        self.permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_an_older_generation_keep_their_permits_only() {
        let (mut calls, now) = (CallsInFlight::default(), Instant::now());
        let numbers = [calls.start(now), calls.start(now)];
        assert_eq!((calls.len(), calls.permits()), (2, 2));
        calls.clear();
        assert_eq!((calls.len(), calls.permits()), (0, 2));
        assert!(!calls.remove(numbers[0]) && !calls.remove_expired(now, Duration::ZERO));
        calls.release_permit();
        assert_eq!(calls.permits(), 1);
    }
}
