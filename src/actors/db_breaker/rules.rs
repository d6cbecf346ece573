//! The rules of one circuit: a pure state machine. Callers pass the time and the jitter.
//!
//! ```text
//!            too many failures                 open time is over
//!   closed ────────────────────▶ open ──────────────────────────▶ half-open
//!     ▲                           ▲      the probe fails or hangs    │  │
//!     │                           └──────────────────────────────────┘  │
//!     └───────────────────────────── the probe succeeds ────────────────┘
//! ```
//!
//! Each transition starts a new *generation*. A verdict of an older generation releases its permit
//! and is otherwise ignored.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::state::{CircuitSettings, CircuitState, CircuitStats, Ticket, Transition};
use super::verdict::Verdict;
use super::window::Window;

/// A circuit that opens again within this time after closing is flapping.
const FLAPPING_WITHIN: Duration = Duration::from_mins(1);
/// Most doublings of the open time of a flapping circuit: to eight times the reset timeout.
const MAX_DOUBLINGS: u32 = 3;

/// The state of one circuit.
#[derive(Debug)]
pub(super) struct CircuitRules {
    settings: CircuitSettings,
    state: CircuitState,
    since: Instant,
    /// While open: when a probe is permitted.
    until: Instant,
    generation: u64,
    next_number: u64,
    /// Calls of this generation that are in flight, oldest first.
    in_flight: VecDeque<(u64, Instant)>,
    /// Permits not yet settled, those of older generations included.
    permits: u64,
    window: Window,
    doublings: u32,
    closed_at: Option<Instant>,
    stats: CircuitStats,
    last_error: Option<String>,
    transitions: Vec<Transition>,
}

impl CircuitRules {
    /// Creates a closed circuit.
    pub(super) fn new(settings: CircuitSettings, now: Instant) -> Self {
        Self {
            settings,
            state: CircuitState::Closed,
            since: now,
            until: now,
            generation: 0,
            next_number: 0,
            in_flight: VecDeque::new(),
            permits: 0,
            window: Window::default(),
            doublings: 0,
            closed_at: None,
            stats: CircuitStats::default(),
            last_error: None,
            transitions: Vec::new(),
        }
    }

    /// Permits a call, or returns in how long to try again. `jitter` is from 0 to 1.
    pub(super) fn checkout(&mut self, now: Instant, jitter: f64) -> Result<Ticket, Duration> {
        self.tick(now, jitter);
        let granted = match self.state {
            CircuitState::Closed => true,
            CircuitState::HalfOpen => self.in_flight.is_empty(),
            CircuitState::Open if now >= self.until => {
                self.enter(CircuitState::HalfOpen, now, "the open time is over");
                true
            }
            CircuitState::Open | CircuitState::Isolated => false,
        };
        if !granted {
            self.stats.rejects = self.stats.rejects.saturating_add(1);
            return Err(self.retry_after(now));
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.in_flight.push_back((number, now));
        self.permits = self.permits.saturating_add(1);
        self.stats.fires = self.stats.fires.saturating_add(1);
        Ok(Ticket { generation: self.generation, number })
    }

    /// Records the verdict of a call. Always releases its permit; counts only in the generation of
    /// the ticket, and only once.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        error: Option<String>,
        now: Instant,
        jitter: f64,
    ) {
        self.permits = self.permits.saturating_sub(1);
        self.tick(now, jitter);
        if ticket.generation != self.generation {
            return;
        }
        // Not found: it was counted as a failure when it exceeded the timeout.
        let Some(at) = self.in_flight.iter().position(|(number, _)| *number == ticket.number)
        else {
            return;
        };
        self.in_flight.remove(at);
        match verdict {
            Verdict::Alive => {
                self.stats.successes = self.stats.successes.saturating_add(1);
                self.window.count(false, now);
                if self.state == CircuitState::HalfOpen {
                    self.close(now, "the probe succeeded");
                }
            }
            Verdict::Failure => self.fail(error.unwrap_or_else(|| "failed".into()), now, jitter),
            // A neutral probe is released; the next call becomes the probe.
            Verdict::Neutral => self.stats.neutral = self.stats.neutral.saturating_add(1),
        }
    }

    /// Counts calls in flight that exceeded the timeout as failures now, not when they end.
    pub(super) fn tick(&mut self, now: Instant, jitter: f64) {
        let timeout = self.settings.timeout;
        while let Some((_, started)) = self.in_flight.front().copied() {
            if now.saturating_duration_since(started) < timeout {
                break;
            }
            self.in_flight.pop_front();
            self.stats.timeouts = self.stats.timeouts.saturating_add(1);
            self.fail("timed out".into(), now, jitter);
        }
    }

    /// Counts a failure to connect that another circuit's call had: calls of this one would have
    /// failed too.
    pub(super) fn count_unreachable(&mut self, error: &str, now: Instant, jitter: f64) {
        if self.state == CircuitState::Closed {
            self.fail(error.to_owned(), now, jitter);
        }
    }

    fn fail(&mut self, error: String, now: Instant, jitter: f64) {
        self.stats.failures = self.stats.failures.saturating_add(1);
        self.last_error = Some(error.clone());
        self.window.count(true, now);
        if !self.settings.enabled {
            return;
        }
        let exceeded = self.exceeds_threshold(now);
        match self.state {
            CircuitState::Closed if exceeded => {
                let flapping = self
                    .closed_at
                    .is_some_and(|at| now.saturating_duration_since(at) < FLAPPING_WITHIN);
                self.doublings = if flapping { (self.doublings + 1).min(MAX_DOUBLINGS) } else { 0 };
                let open_for = self.settings.reset_timeout.saturating_mul(1 << self.doublings);
                self.open(open_for, now, jitter, &error);
            }
            // Within one outage the open time is not doubled, so that its end is detected in time.
            CircuitState::HalfOpen => {
                self.open(
                    self.settings.reset_timeout,
                    now,
                    jitter,
                    &format!("the probe failed: {error}"),
                );
            }
            _ => {}
        }
    }

    /// Whether the failure rate of completed calls reaches the threshold; calls in flight do not
    /// dilute it.
    fn exceeds_threshold(&mut self, now: Instant) -> bool {
        let (successes, failures) = self.window.totals(now);
        let completed = successes.saturating_add(failures);
        completed >= self.settings.volume_threshold.max(1)
            && failures.saturating_mul(100)
                >= completed.saturating_mul(self.settings.error_threshold.into())
    }

    /// Opens the circuit, for a time with ±10 % jitter so that replicas do not probe together.
    fn open(&mut self, open_for: Duration, now: Instant, jitter: f64, cause: &str) {
        self.until = now + open_for.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
        self.enter(CircuitState::Open, now, cause);
    }

    fn close(&mut self, now: Instant, cause: &str) {
        self.closed_at = Some(now);
        self.enter(CircuitState::Closed, now, cause);
    }

    fn enter(&mut self, state: CircuitState, now: Instant, cause: &str) {
        self.transitions.push(Transition { from: self.state, to: state, cause: cause.to_owned() });
        if let Some(count) = self.stats.transitions.get_mut(state as usize) {
            *count = count.saturating_add(1);
        }
        (self.state, self.since) = (state, now);
        self.generation = self.generation.wrapping_add(1);
        self.window.clear();
        self.in_flight.clear();
    }

    /// Isolates the circuit on behalf of an operator.
    pub(super) fn isolate(&mut self, now: Instant, reason: &str) {
        self.enter(CircuitState::Isolated, now, reason);
    }

    /// Closes the circuit on behalf of an operator.
    pub(super) fn force_close(&mut self, now: Instant, reason: &str) {
        self.close(now, reason);
    }

    /// Closes the circuit on behalf of an operator and discards its history.
    pub(super) fn reset(&mut self, now: Instant, reason: &str) {
        self.enter(CircuitState::Closed, now, reason);
        (self.closed_at, self.doublings, self.last_error) = (None, 0, None);
    }

    /// Whether the decision has to be published: it may have changed, or depends on the time.
    pub(super) fn needs_publishing(&self) -> bool {
        self.state != CircuitState::Closed || !self.transitions.is_empty()
    }

    /// Returns the transitions since the last call.
    pub(super) fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// Returns in how long to try again.
    pub(super) fn retry_after(&self, now: Instant) -> Duration {
        match self.state {
            CircuitState::Closed => Duration::ZERO,
            CircuitState::Open => self.until.saturating_duration_since(now),
            CircuitState::HalfOpen => self.settings.timeout,
            CircuitState::Isolated => self.settings.reset_timeout,
        }
    }

    pub(super) fn state(&self) -> CircuitState {
        self.state
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Returns when a probe is permitted; none unless open.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        (self.state == CircuitState::Open).then_some(self.until)
    }

    pub(super) fn stats(&self) -> CircuitStats {
        self.stats
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    #[cfg(test)]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the number of probes in flight: 0 or 1, and 0 unless half-open.
    pub(super) fn probes_in_flight(&self) -> usize {
        if self.state == CircuitState::HalfOpen { self.in_flight.len() } else { 0 }
    }

    /// Returns the number of permits that are not settled, of all generations.
    pub(super) fn permits_in_use(&self) -> u64 {
        self.permits
    }
}

#[cfg(test)]
mod tests;
