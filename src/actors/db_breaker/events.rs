//! The log events of the breaker. Each has one text, and its fields are always the same. Events
//! that a request can cause are aggregated for each circuit: the first is logged at once, the
//! others as a count (`repeated`) every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slog::{Logger, o};
use strum::EnumCount;

use super::circuit::Circuit;
use super::failure_cause::FailureCause;
use super::state::{CircuitSettings, CircuitState};
use super::transitions::Transition;
use crate::postgres::connection::ServerLimits;
use crate::telemetry::repeated::{self, RepeatedEvents};

/// Writes the log events of the breaker.
#[derive(Debug)]
pub(super) struct BreakerEvents {
    logger: Logger,
    settings: CircuitSettings,
    rejections: CircuitEvents<(CircuitState, Duration)>,
    timeouts: CircuitEvents<(&'static str, FailureCause)>,
    missing_connections: CircuitEvents<(&'static str, String)>,
    /// When the last failure of the disk was logged.
    storage_failed_at: Mutex<Option<Instant>>,
}

/// Repeated events of each circuit, with the details of the last one.
#[derive(Debug)]
struct CircuitEvents<D> {
    events: RepeatedEvents<Circuit>,
    last: Mutex<[Option<D>; Circuit::COUNT]>,
}

impl<D> Default for CircuitEvents<D> {
    fn default() -> Self {
        Self { events: RepeatedEvents::default(), last: Mutex::new(std::array::from_fn(|_| None)) }
    }
}

impl<D: Clone> CircuitEvents<D> {
    /// Counts events and keeps their details. Returns whether to log one of them.
    fn record(&self, circuit: Circuit, details: &D, events: u64, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.get_mut(circuit as usize) {
            *last = Some(details.clone());
        }
        self.events.record_many(circuit, events, now)
    }

    /// Returns the counts that are due, or all of them, with the details of the last event.
    fn take(&self, due_at: Option<Instant>) -> Vec<(Circuit, D, u64)> {
        let counts = due_at.map_or_else(|| self.events.take_all(), |now| self.events.take_due(now));
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let with_details = counts.into_iter().filter_map(|(circuit, repeated)| {
            Some((circuit, last.get(circuit as usize)?.clone()?, repeated))
        });
        with_details.collect()
    }
}

impl BreakerEvents {
    pub(super) fn new(settings: CircuitSettings, logger: Logger) -> Self {
        Self {
            logger,
            settings,
            rejections: CircuitEvents::default(),
            timeouts: CircuitEvents::default(),
            missing_connections: CircuitEvents::default(),
            storage_failed_at: Mutex::default(),
        }
    }

    /// A circuit changed its state. `retry_after` is the time to its next probe.
    pub(super) fn transition(
        &self,
        circuit: Circuit,
        transition: &Transition,
        retry_after: Duration,
    ) {
        let (logger, circuit) = (&self.logger, circuit.as_ref());
        match (transition.from, transition.to) {
            // A failed probe, which is logged once for all circuits.
            (CircuitState::HalfOpen, CircuitState::Open) => {}
            (_, CircuitState::Open) => slog::error!(logger, "circuit opened";
                "circuit" => circuit,
                "failures" => transition.counts.failures,
                "volume" => transition.counts.completed(),
                "threshold_percent" => self.settings.error_threshold,
                "retry_after_ms" => milliseconds(retry_after),
                "cause" => &transition.cause),
            (_, CircuitState::HalfOpen) => slog::info!(logger, "circuit half-open";
                "circuit" => circuit, "cause" => &transition.cause),
            (_, CircuitState::Closed) => slog::info!(logger, "circuit closed";
                "circuit" => circuit,
                "open_for_ms" => milliseconds(transition.open_for),
                "cause" => &transition.cause),
            (_, CircuitState::Isolated) => slog::warn!(logger, "circuit isolated";
                "circuit" => circuit, "reason" => &transition.cause),
        }
    }

    /// A probe did not find the database available.
    pub(super) fn probe_failed(&self, cause: &str, retry_after: Duration) {
        slog::warn!(self.logger, "database probe failed";
            "cause" => cause, "retry_after_ms" => milliseconds(retry_after));
    }

    /// A circuit refused so many calls since the last time.
    pub(super) fn rejected(
        &self,
        circuit: Circuit,
        details: (CircuitState, Duration),
        calls: u64,
        now: Instant,
    ) {
        if self.rejections.record(circuit, &details, calls, now) {
            self.log_rejection(circuit, details, 0);
        }
    }

    fn log_rejection(
        &self,
        circuit: Circuit,
        (state, retry_after): (CircuitState, Duration),
        repeated: u64,
    ) {
        slog::warn!(self.counting(repeated), "request rejected by open circuit";
            "circuit" => circuit.as_ref(),
            "state" => state.as_ref(),
            "retry_after_ms" => milliseconds(retry_after));
    }

    /// A call was not answered in time, or the server cancelled it. Other failures are no event:
    /// the request that failed has one.
    pub(super) fn failed(&self, circuit: Circuit, operation: &'static str, cause: FailureCause) {
        let details = (operation, cause);
        if cause.is_timeout() && self.timeouts.record(circuit, &details, 1, Instant::now()) {
            self.log_timeout(circuit, details, 0);
        }
    }

    fn log_timeout(
        &self,
        circuit: Circuit,
        (operation, cause): (&'static str, FailureCause),
        repeated: u64,
    ) {
        let limits = ServerLimits::of(self.settings.timeout);
        let (kind, limit) = match cause {
            FailureCause::StatementTimeout => ("statement", limits.statement),
            FailureCause::LockTimeout => ("lock", limits.lock),
            _ => ("deadline", self.settings.timeout),
        };
        slog::warn!(self.counting(repeated), "database call timed out";
            "operation" => operation,
            "circuit" => circuit.as_ref(),
            "kind" => kind,
            "limit_ms" => milliseconds(limit));
    }

    /// A call got no connection.
    pub(super) fn no_connection(&self, circuit: Circuit, operation: &'static str, cause: &str) {
        let details = (operation, cause.to_owned());
        if self.missing_connections.record(circuit, &details, 1, Instant::now()) {
            self.log_missing_connection(circuit, &details, 0);
        }
    }

    /// The disk of the embedded database cannot be written to. Logged once per interval, because
    /// every call that fails finds it out again.
    pub(super) fn storage_failed(&self, error: &str) {
        let now = Instant::now();
        let mut last = self.storage_failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= repeated::INTERVAL) {
            *last = Some(now);
            slog::error!(self.logger, "embedded database cannot write to its disk";
                "error" => error);
        }
    }

    fn log_missing_connection(
        &self,
        circuit: Circuit,
        (operation, cause): &(&'static str, String),
        repeated: u64,
    ) {
        slog::warn!(self.counting(repeated), "no database connection";
            "operation" => operation, "circuit" => circuit.as_ref(), "cause" => cause);
    }

    /// Logs the counts of repeated events that are due; all of them without an instant.
    pub(super) fn log_repeated(&self, due_at: Option<Instant>) {
        for (circuit, details, repeated) in self.rejections.take(due_at) {
            self.log_rejection(circuit, details, repeated);
        }
        for (circuit, details, repeated) in self.timeouts.take(due_at) {
            self.log_timeout(circuit, details, repeated);
        }
        for (circuit, details, repeated) in self.missing_connections.take(due_at) {
            self.log_missing_connection(circuit, &details, repeated);
        }
    }

    /// Returns the logger, with the field `repeated` unless that is 0.
    fn counting(&self, repeated: u64) -> Logger {
        let logger = &self.logger;
        if repeated == 0 { logger.clone() } else { logger.new(o!("repeated" => repeated)) }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
