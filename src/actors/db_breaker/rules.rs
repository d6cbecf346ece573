//! The rules of one circuit: a pure state machine. Callers pass the time and the jitter. What
//! concerns several circuits, the probe of the server above all, is in `circuits`.
//!
//! ```text
//!            too many failures, or        a probe begins
//!            the server is unavailable
//!   closed ───────────────────────▶ open ───────────────▶ half-open
//!     ▲                              ▲    the probe fails    │  │
//!     │                              └───────────────────────┘  │
//!     └────────────────────── the probe succeeds ───────────────┘
//! ```
//!
//! Each transition starts a new *generation*. A verdict of an older generation releases its permit
//! and is otherwise ignored.

mod reading;

use std::time::{Duration, Instant};

use super::failure_cause::FailureCause;
use super::in_flight::CallsInFlight;
use super::state::{CallResult, CircuitSettings, CircuitState, Prober, Ticket};
use super::stats::CircuitStats;
use super::transitions::TransitionLog;
use super::verdict::Verdict;
use super::window::Window;

/// A circuit that opens again within this time after closing is flapping.
const FLAPPING_WITHIN: Duration = Duration::from_mins(1);
/// Most doublings of the open time of a flapping circuit: to eight times the reset timeout.
const MAX_DOUBLINGS: u32 = 3;
/// Shortest retry time, also while a probe is under way. `Retry-After` has whole seconds.
pub(super) const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The state of one circuit.
#[derive(Debug)]
pub(super) struct CircuitRules {
    settings: CircuitSettings,
    prober: Prober,
    state: CircuitState,
    since: Instant,
    /// While open: when a probe is due.
    until: Instant,
    /// Open because the server was unavailable, not because of the circuit's own statements.
    server_unavailable: bool,
    generation: u64,
    calls: CallsInFlight,
    window: Window,
    doublings: u32,
    closed_at: Option<Instant>,
    stats: CircuitStats,
    last_error: Option<String>,
    transitions: TransitionLog,
    /// A failure since the last call of `take_probe_request` calls for a probe of the server.
    requests_probe: bool,
}

impl CircuitRules {
    /// Creates a closed circuit.
    pub(super) fn new(settings: CircuitSettings, prober: Prober, now: Instant) -> Self {
        Self {
            settings,
            prober,
            state: CircuitState::Closed,
            since: now,
            until: now,
            server_unavailable: false,
            generation: 0,
            calls: CallsInFlight::default(),
            window: Window::default(),
            doublings: 0,
            closed_at: None,
            stats: CircuitStats::default(),
            last_error: None,
            transitions: TransitionLog::default(),
            requests_probe: false,
        }
    }

    /// Permits a call, or returns in how long to try again. `jitter` is from 0 to 1.
    pub(super) fn checkout(&mut self, now: Instant, jitter: f64) -> Result<Ticket, Duration> {
        self.tick(now, jitter);
        let granted = match (self.state, self.prober) {
            (CircuitState::Closed, _) => true,
            (CircuitState::HalfOpen, Prober::Caller) => self.calls.len() == 0,
            (CircuitState::Open, Prober::Caller) if now >= self.until => {
                self.enter(CircuitState::HalfOpen, now, "the open time is over");
                true
            }
            _ => false,
        };
        if !granted {
            self.stats.rejects = self.stats.rejects.saturating_add(1);
            return Err(self.retry_after(now));
        }
        self.stats.fires = self.stats.fires.saturating_add(1);
        Ok(Ticket { generation: self.generation, number: self.calls.start(now) })
    }

    /// Records how a call ended. Always releases its permit; counts only in the generation of the
    /// ticket, and only once.
    pub(super) fn settle(&mut self, result: CallResult, now: Instant, jitter: f64) {
        self.calls.release_permit();
        self.tick(now, jitter);
        // A call that is not found was counted as a failure when it exceeded the timeout.
        let counts =
            result.ticket.generation == self.generation && self.calls.remove(result.ticket.number);
        if !counts {
            return;
        }
        match result.verdict {
            Verdict::Alive => {
                self.stats.successes = self.stats.successes.saturating_add(1);
                self.window.count_success(result.took, now);
                if self.state == CircuitState::HalfOpen {
                    self.close(now, "the probe succeeded");
                }
            }
            Verdict::Failure(cause) => {
                self.fail(cause, &result.error.unwrap_or_else(|| "failed".into()), now, jitter);
            }
            // A neutral probe is released; the next call becomes the probe.
            Verdict::Neutral => self.stats.neutral = self.stats.neutral.saturating_add(1),
        }
    }

    /// Counts calls in flight that exceeded the timeout as failures now, not when they end.
    pub(super) fn tick(&mut self, now: Instant, jitter: f64) {
        while self.calls.remove_expired(now, self.settings.timeout) {
            self.fail(FailureCause::Deadline, "timed out", now, jitter);
        }
    }

    /// Counts a failure to connect that a call of another circuit had, permitted at `granted_at`:
    /// calls of this one would have failed too. It does not count if this circuit has changed its
    /// state since then.
    pub(super) fn count_unreachable(
        &mut self,
        error: &str,
        granted_at: Instant,
        now: Instant,
        jitter: f64,
    ) {
        if self.state == CircuitState::Closed && granted_at >= self.since {
            self.fail(FailureCause::Unreachable, error, now, jitter);
        }
    }

    fn fail(&mut self, cause: FailureCause, error: &str, now: Instant, jitter: f64) {
        self.stats.count_failure(cause);
        self.last_error = Some(error.to_owned());
        self.window.count_failure(cause, now);
        if !self.settings.enabled {
            return;
        }
        let exceeded = self.exceeds_threshold(now);
        match self.state {
            CircuitState::Closed => {
                self.requests_probe |= exceeded || cause.suggests_outage();
                if exceeded {
                    let open_for = self.next_open_time(now);
                    // The probe that this requests may find a server that has restarted already.
                    // While the circuit flaps, its open time decides.
                    self.server_unavailable = match self.prober {
                        Prober::Caller => cause == FailureCause::Unreachable,
                        Prober::Dedicated => self.doublings == 0 && cause.is_lost_connection(),
                    };
                    self.open(open_for, now, jitter, error);
                }
            }
            // Within one outage the open time is not doubled, so that its end is detected in time.
            CircuitState::HalfOpen => {
                self.server_unavailable |= cause == FailureCause::Unreachable;
                let cause = format!("the probe failed: {error}");
                self.open(self.settings.reset_timeout, now, jitter, &cause);
            }
            CircuitState::Open | CircuitState::Isolated => {}
        }
    }

    /// Whether the failure rate of completed calls reaches the threshold; calls in flight do not
    /// dilute it.
    fn exceeds_threshold(&mut self, now: Instant) -> bool {
        let counts = self.window.counts(now);
        counts.completed() >= self.settings.volume_threshold.max(1)
            && counts.failures.saturating_mul(100)
                >= counts.completed().saturating_mul(self.settings.error_threshold.into())
    }

    /// Returns how long to stay open; longer each time while the circuit flaps.
    fn next_open_time(&mut self, now: Instant) -> Duration {
        let flapping =
            self.closed_at.is_some_and(|at| now.saturating_duration_since(at) < FLAPPING_WITHIN);
        self.doublings = if flapping { (self.doublings + 1).min(MAX_DOUBLINGS) } else { 0 };
        self.settings.reset_timeout.saturating_mul(1 << self.doublings)
    }

    fn open(&mut self, open_for: Duration, now: Instant, jitter: f64, cause: &str) {
        self.until = now + shortened(open_for, jitter);
        self.enter(CircuitState::Open, now, cause);
    }

    fn close(&mut self, now: Instant, cause: &str) {
        self.closed_at = Some(now);
        self.enter(CircuitState::Closed, now, cause);
    }

    fn enter(&mut self, state: CircuitState, now: Instant, cause: &str) {
        let counts = self.window.counts(now);
        self.transitions.record((self.state, state), now, cause, counts);
        self.stats.count_transition(state);
        if matches!(state, CircuitState::Closed | CircuitState::Isolated) {
            self.server_unavailable = false;
        }
        (self.state, self.since) = (state, now);
        self.generation = self.generation.wrapping_add(1);
        self.window.clear();
        self.calls.clear();
    }

    /// Whether the time of the next dedicated probe has come.
    pub(super) fn is_probe_due(&self, now: Instant) -> bool {
        self.state == CircuitState::Open && now >= self.until
    }

    /// A probe of the server begins. Its success will close this circuit if it is open because of
    /// the server, or if its open time is over.
    pub(super) fn begin_probe(&mut self, now: Instant) {
        if self.is_probe_due(now) {
            self.enter(CircuitState::HalfOpen, now, "the open time is over");
        } else if self.state == CircuitState::Open && self.server_unavailable {
            self.enter(CircuitState::HalfOpen, now, "the server is probed");
        }
    }

    /// The server is available: closes the circuit if that is what it waits for.
    pub(super) fn recover(&mut self, now: Instant, cause: &str) {
        let waits = match self.state {
            CircuitState::Open => self.server_unavailable,
            CircuitState::HalfOpen => self.server_unavailable || self.prober == Prober::Dedicated,
            CircuitState::Closed | CircuitState::Isolated => false,
        };
        if waits {
            self.close(now, cause);
        }
    }

    /// The server is unavailable: opens the circuit until `until`, unless it is isolated.
    pub(super) fn open_until(&mut self, until: Instant, now: Instant, cause: &str) {
        if self.state == CircuitState::Isolated || !self.settings.enabled {
            return;
        }
        self.last_error = Some(cause.to_owned());
        // An outage of the server says nothing about the circuit's own statements.
        (self.until, self.server_unavailable, self.doublings) = (until, true, 0);
        if self.state != CircuitState::Open {
            self.enter(CircuitState::Open, now, cause);
        }
    }

    /// The probe said nothing about the server: the circuit is open as before, until `until`.
    pub(super) fn postpone_probe(&mut self, until: Instant, now: Instant, cause: &str) {
        if self.state == CircuitState::HalfOpen {
            self.until = until;
            self.enter(CircuitState::Open, now, cause);
        }
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
}

/// Shortens a time by up to 20 %, so that replicas do not probe together. Never lengthens it: the
/// reset timeout is the bound within which recovery is detected.
pub(super) fn shortened(time: Duration, jitter: f64) -> Duration {
    time.mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
