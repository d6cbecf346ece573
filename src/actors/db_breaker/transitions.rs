//! The transitions of one circuit: those to be logged, and the last ten for operators.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::state::CircuitState;
use super::window::WindowCounts;

/// Transitions kept for the report.
const KEPT: usize = 10;

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) from: CircuitState,
    pub(super) to: CircuitState,
    pub(super) at: Instant,
    pub(super) cause: String,
    /// Calls completed in the window before.
    pub(super) counts: WindowCounts,
    /// Time since the circuit was last closed.
    pub(super) open_for: Duration,
}

/// The last transitions of one circuit.
#[derive(Debug, Default)]
pub(super) struct TransitionLog {
    /// At most ten, newest first.
    recent: VecDeque<Transition>,
    unpublished: Vec<Transition>,
    /// When the circuit last changed from closed to another state; none while closed.
    left_closed_at: Option<Instant>,
}

impl TransitionLog {
    /// Records a transition.
    pub(super) fn record(
        &mut self,
        (from, to): (CircuitState, CircuitState),
        at: Instant,
        cause: &str,
        counts: WindowCounts,
    ) {
        let left_closed_at = *self.left_closed_at.get_or_insert(at);
        let open_for = at.saturating_duration_since(left_closed_at);
        if to == CircuitState::Closed {
            self.left_closed_at = None;
        }
        let transition = Transition { from, to, at, cause: cause.to_owned(), counts, open_for };
        self.recent.truncate(KEPT - 1);
        self.recent.push_front(transition.clone());
        self.unpublished.push(transition);
    }

    pub(super) fn has_unpublished(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// Returns the transitions since the last call.
    pub(super) fn take_unpublished(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.unpublished)
    }

    /// Returns the last ten transitions, newest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Transition> {
        self.recent.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::CircuitState::{Closed, HalfOpen, Open};
    use super::*;

    #[test]
    fn log_keeps_ten_transitions_and_the_time_since_closed() {
        let (mut log, start) = (TransitionLog::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let counts = WindowCounts::default();
        for round in 0..4 {
            log.record((Closed, Open), at(round * 100), "failures", counts);
            log.record((Open, HalfOpen), at(round * 100 + 30), "probe", counts);
            log.record((HalfOpen, Closed), at(round * 100 + 31), "success", counts);
        }
        assert_eq!(log.take_unpublished().len(), 12);
        assert!(!log.has_unpublished());
        let recent: Vec<_> = log.recent().map(|one| (one.at, one.open_for.as_secs())).collect();
        assert_eq!(recent.len(), KEPT);
        assert_eq!(recent[..4], [(at(331), 31), (at(330), 30), (at(300), 0), (at(231), 31)]);
    }
}
