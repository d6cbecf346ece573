//! The rules of one circuit: a pure struct that is told what happens and when, and decides.
//!
//! ```text
//!            too many failures                 open time is over
//!   closed ────────────────────▶ open ──────────────────────────▶ half-open
//!     ▲                           ▲      the probe fails or hangs    │  │
//!     │                           └──────────────────────────────────┘  │
//!     └───────────────────────────── the probe succeeds ────────────────┘
//! ```
//!
//! Each transition begins a new *generation*: what comes back from an older one frees its place and
//! says nothing more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::state::{Settings, State, Stats, Ticket, Transition};
use super::verdict::Verdict;
use super::window::Window;

/// A circuit that opens again so soon after closing flaps.
const QUIET: Duration = Duration::from_mins(1);
/// How often the open time of a flapping circuit is doubled at most: eightfold.
const MOST_DOUBLINGS: u32 = 3;

/// One circuit.
#[derive(Debug)]
pub(super) struct Rules {
    settings: Settings,
    state: State,
    since: Instant,
    /// While open: when a probe may go.
    until: Instant,
    generation: u64,
    next_number: u64,
    /// Calls of this generation that are under way, oldest first.
    in_flight: VecDeque<(u64, Instant)>,
    /// All calls under way, those of older generations included.
    places: u64,
    window: Window,
    doublings: u32,
    closed_at: Option<Instant>,
    stats: Stats,
    last_error: Option<String>,
    transitions: Vec<Transition>,
}

impl Rules {
    /// A closed circuit.
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            state: State::Closed,
            since: now,
            until: now,
            generation: 0,
            next_number: 0,
            in_flight: VecDeque::new(),
            places: 0,
            window: Window::default(),
            doublings: 0,
            closed_at: None,
            stats: Stats::default(),
            last_error: None,
            transitions: Vec::new(),
        }
    }

    /// May a call go? If not, in how long it is worth asking again. `jitter` is from 0 to 1.
    pub(super) fn checkout(&mut self, now: Instant, jitter: f64) -> Result<Ticket, Duration> {
        self.tick(now, jitter);
        let granted = match self.state {
            State::Closed => true,
            State::HalfOpen => self.in_flight.is_empty(),
            State::Open if now >= self.until => {
                self.enter(State::HalfOpen, now, "the open time is over");
                true
            }
            State::Open | State::Isolated => false,
        };
        if !granted {
            self.stats.rejects = self.stats.rejects.saturating_add(1);
            return Err(self.retry_after(now));
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.in_flight.push_back((number, now));
        self.places = self.places.saturating_add(1);
        self.stats.fires = self.stats.fires.saturating_add(1);
        Ok(Ticket { generation: self.generation, number })
    }

    /// What became of a call. Frees its place in any case; counts only in its own generation, and
    /// only once.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        error: Option<String>,
        now: Instant,
        jitter: f64,
    ) {
        self.places = self.places.saturating_sub(1);
        self.tick(now, jitter);
        if ticket.generation != self.generation {
            return;
        }
        // Not there any more: it was counted as a failure when its time was up.
        let Some(at) = self.in_flight.iter().position(|(number, _)| *number == ticket.number)
        else {
            return;
        };
        self.in_flight.remove(at);
        match verdict {
            Verdict::Alive => {
                self.stats.successes = self.stats.successes.saturating_add(1);
                self.window.count(false, now);
                if self.state == State::HalfOpen {
                    self.close(now, "the probe succeeded");
                }
            }
            Verdict::Failure => self.fail(error.unwrap_or_else(|| "failed".into()), now, jitter),
            // A probe that says nothing leaves its place to the next.
            Verdict::Neutral => self.stats.neutral = self.stats.neutral.saturating_add(1),
        }
    }

    /// Lets time pass: calls that are under way for too long have failed now, not when they end.
    pub(super) fn tick(&mut self, now: Instant, jitter: f64) {
        let timeout = self.settings.timeout;
        while let Some((_, began)) = self.in_flight.front().copied() {
            if now.saturating_duration_since(began) < timeout {
                break;
            }
            self.in_flight.pop_front();
            self.stats.timeouts = self.stats.timeouts.saturating_add(1);
            self.fail("no answer in time".into(), now, jitter);
        }
    }

    /// Another circuit's call could not connect: no call of this one would have got through either.
    pub(super) fn unreachable(&mut self, error: &str, now: Instant, jitter: f64) {
        if self.state == State::Closed {
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
        let ill = self.ill(now);
        match self.state {
            State::Closed if ill => {
                let flaps =
                    self.closed_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET);
                self.doublings = if flaps { (self.doublings + 1).min(MOST_DOUBLINGS) } else { 0 };
                let open_for = self.settings.reset_timeout.saturating_mul(1 << self.doublings);
                self.open(open_for, now, jitter, &error);
            }
            // Within one outage a probe comes at the usual pace, so that its end is seen in time.
            State::HalfOpen => {
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

    /// Whether failures are too many among the calls that completed; those under way do not dilute
    /// them.
    fn ill(&mut self, now: Instant) -> bool {
        let (successes, failures) = self.window.totals(now);
        let completed = successes.saturating_add(failures);
        completed >= self.settings.volume_threshold.max(1)
            && failures.saturating_mul(100)
                >= completed.saturating_mul(self.settings.error_threshold.into())
    }

    /// Takes ±10 % of the open time at random, so that replicas do not probe together.
    fn open(&mut self, open_for: Duration, now: Instant, jitter: f64, cause: &str) {
        self.until = now + open_for.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
        self.enter(State::Open, now, cause);
    }

    fn close(&mut self, now: Instant, cause: &str) {
        self.closed_at = Some(now);
        self.enter(State::Closed, now, cause);
    }

    fn enter(&mut self, state: State, now: Instant, cause: &str) {
        self.transitions.push(Transition { from: self.state, to: state, cause: cause.to_owned() });
        if let Some(count) = self.stats.transitions.get_mut(state as usize) {
            *count = count.saturating_add(1);
        }
        (self.state, self.since) = (state, now);
        self.generation = self.generation.wrapping_add(1);
        self.window.clear();
        self.in_flight.clear();
    }

    /// An operator takes the circuit out.
    pub(super) fn isolate(&mut self, now: Instant, reason: &str) {
        self.enter(State::Isolated, now, reason);
    }

    /// An operator closes the circuit, whatever it thinks.
    pub(super) fn force_closed(&mut self, now: Instant, reason: &str) {
        self.close(now, reason);
    }

    /// An operator has it start over: closed, with nothing remembered.
    pub(super) fn reset(&mut self, now: Instant, reason: &str) {
        self.enter(State::Closed, now, reason);
        (self.closed_at, self.doublings, self.last_error) = (None, 0, None);
    }

    /// Whether it is closed and there is nothing to tell of how it got there.
    pub(super) fn is_settled(&self) -> bool {
        self.state == State::Closed && self.transitions.is_empty()
    }

    /// The changes of state since the last time this was asked.
    pub(super) fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// In how long it is worth asking again.
    pub(super) fn retry_after(&self, now: Instant) -> Duration {
        match self.state {
            State::Closed => Duration::ZERO,
            State::Open => self.until.saturating_duration_since(now),
            State::HalfOpen => self.settings.timeout,
            State::Isolated => self.settings.reset_timeout,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// While open: when a probe may go.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        (self.state == State::Open).then_some(self.until)
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    #[cfg(test)]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// While half-open: whether the probe is out.
    pub(super) fn probes_under_way(&self) -> usize {
        if self.state == State::HalfOpen { self.in_flight.len() } else { 0 }
    }

    /// Calls that are granted and not settled, of whatever generation.
    pub(super) fn places(&self) -> u64 {
        self.places
    }
}
