//! The rules for all circuits together: the probe of the server, and failures that concern every
//! circuit. Pure, like the rules of one circuit.
//!
//! One probe serves all circuits. It goes out
//!
//! - when a circuit opens, or a call got no answer or no connection within its time limit, to learn
//!   whether that is the server's fault: if the probe fails, all circuits open;
//! - when the open time of a circuit is over: if the probe succeeds, this circuit closes, and with
//!   it all that are open because the server was unavailable.
//!
//! Without a dedicated probe (embedded database) the first caller after the open time is the probe,
//! and a call without an answer opens all circuits at once: no other call would get one.

use std::time::{Duration, Instant};

use strum::{EnumCount, IntoEnumIterator};

use super::circuit::Circuit;
use super::failure_cause::FailureCause;
use super::probe::ProbeResult;
use super::report::{CircuitReport, Control};
use super::rules::{CircuitRules, shortened};
use super::snapshot::Decision;
use super::state::{CallResult, CircuitSettings, CircuitState, Prober, Ticket};
use super::transitions::Transition;
use super::verdict::Verdict;

/// All circuits, and the probe under way.
#[derive(Debug)]
pub(super) struct Circuits {
    rules: [CircuitRules; Circuit::COUNT],
    settings: CircuitSettings,
    prober: Prober,
    probe: Option<ServerProbe>,
    probes_started: u64,
    /// A failure since the start of the last probe requires another one.
    probe_requested: bool,
    /// For the log.
    probe_failure: Option<(String, Instant)>,
    /// Whether any call was ever answered. Before that the embedded database may still be starting.
    has_answered: bool,
}

/// Identifies a probe of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerProbe {
    number: u64,
    started: Instant,
}

impl Circuits {
    /// Creates closed circuits.
    pub(super) fn new(settings: CircuitSettings, prober: Prober, now: Instant) -> Self {
        Self {
            rules: std::array::from_fn(|_| CircuitRules::new(settings, prober, now)),
            settings,
            prober,
            probe: None,
            probes_started: 0,
            probe_requested: false,
            probe_failure: None,
            has_answered: false,
        }
    }

    fn rules(&self, circuit: Circuit) -> Option<&CircuitRules> {
        self.rules.get(circuit as usize)
    }

    fn rules_mut(&mut self, circuit: Circuit) -> Option<&mut CircuitRules> {
        self.rules.get_mut(circuit as usize)
    }

    /// Permits a call, or returns in how long to try again. `jitter` is from 0 to 1.
    pub(super) fn checkout(
        &mut self,
        circuit: Circuit,
        now: Instant,
        jitter: f64,
    ) -> Result<Ticket, Option<Duration>> {
        let granted = self.rules_mut(circuit).ok_or(None)?.checkout(now, jitter);
        self.collect_probe_requests();
        granted.map_err(Some)
    }

    /// Records how a call ended that was permitted at `granted_at`.
    pub(super) fn settle(
        &mut self,
        circuit: Circuit,
        result: CallResult,
        granted_at: Instant,
        now: Instant,
        jitter: f64,
    ) {
        let failure = match (result.verdict, &result.error) {
            (Verdict::Failure(cause), Some(error)) => Some((cause, error.clone())),
            _ => None,
        };
        self.has_answered |= result.verdict == Verdict::Alive;
        let Some(rules) = self.rules_mut(circuit) else { return };
        let before = rules.state();
        rules.settle(result, now, jitter);
        let recovered = before == CircuitState::HalfOpen && rules.state() == CircuitState::Closed;
        let others = Circuit::iter().zip(&mut self.rules).filter(|(other, _)| *other != circuit);
        for (_, rules) in others {
            if let Some((FailureCause::Unreachable, error)) = &failure {
                rules.count_unreachable(error, granted_at, now, jitter);
            }
            if recovered {
                rules.recover(now, "the database is reachable again");
            }
        }
        if let (Prober::Caller, true, Some((cause, error))) =
            (self.prober, self.has_answered, &failure)
            && cause.suggests_outage()
        {
            let until = now + shortened(self.settings.reset_timeout, jitter);
            self.rules.iter_mut().for_each(|rules| rules.open_until(until, now, error));
        }
        self.collect_probe_requests();
    }

    /// Records the success of a call of a closed circuit, which concerns no other circuit.
    pub(super) fn succeed(
        &mut self,
        circuit: Circuit,
        result: CallResult,
        now: Instant,
        jitter: f64,
    ) {
        self.has_answered = true;
        if let Some(rules) = self.rules_mut(circuit) {
            rules.settle(result, now, jitter);
        }
    }

    /// Counts calls and a probe that exceeded the timeout.
    pub(super) fn tick(&mut self, now: Instant, jitter: f64) {
        for rules in &mut self.rules {
            rules.tick(now, jitter);
        }
        self.collect_probe_requests();
        let timeout = self.settings.probe_timeout();
        let hung = |probe: &ServerProbe| now.saturating_duration_since(probe.started) >= timeout;
        if let Some(probe) = self.probe.filter(hung) {
            let result = ProbeResult::Unavailable("timed out".into());
            self.settle_probe(probe, result, now, jitter);
        }
    }

    fn collect_probe_requests(&mut self) {
        for rules in &mut self.rules {
            self.probe_requested |= rules.take_probe_request();
        }
    }

    /// Whether a probe of the server is due, and none is under way.
    pub(super) fn is_probe_due(&self, now: Instant) -> bool {
        let can_probe = self.prober == Prober::Dedicated && self.probe.is_none();
        can_probe
            && (self.probe_requested || self.rules.iter().any(|rules| rules.is_probe_due(now)))
    }

    /// Begins a probe of the server if one is due.
    pub(super) fn begin_probe(&mut self, now: Instant) -> Option<ServerProbe> {
        if !self.is_probe_due(now) {
            return None;
        }
        for rules in &mut self.rules {
            rules.begin_probe(now);
        }
        self.probe_requested = false;
        self.probes_started = self.probes_started.wrapping_add(1);
        self.probe = Some(ServerProbe { number: self.probes_started, started: now });
        self.probe
    }

    /// Applies the result of a probe, unless it was given up as hung.
    pub(super) fn settle_probe(
        &mut self,
        probe: ServerProbe,
        result: ProbeResult,
        now: Instant,
        jitter: f64,
    ) {
        if self.probe != Some(probe) {
            return;
        }
        self.probe = None;
        // Counted from the start of this probe, because its own time limit must not delay the next
        // one; but after a probe that hung the circuits are open for half of that time at least.
        let open_for = shortened(self.settings.reset_timeout, jitter);
        let next = (probe.started + open_for).max(now + open_for / 2);
        match &result {
            ProbeResult::Available => {
                for rules in &mut self.rules {
                    rules.recover(now, "the probe succeeded");
                }
            }
            ProbeResult::Unavailable(error) => {
                self.probe_requested = false;
                let cause = format!("server unavailable: {error}");
                for rules in &mut self.rules {
                    rules.open_until(next, now, &cause);
                }
            }
            ProbeResult::Inconclusive(error) => {
                let cause = format!("the probe was inconclusive: {error}");
                for rules in &mut self.rules {
                    rules.postpone_probe(next, now, &cause);
                }
            }
        }
        self.probe_failure = result.error().map(|cause| (cause, next));
    }

    /// Returns once why the last probe did not find the database available, and when the next one
    /// is due.
    pub(super) fn take_probe_failure(&mut self) -> Option<(String, Instant)> {
        self.probe_failure.take()
    }

    /// Returns when the next probe is due; none without an open circuit, or while one is under way.
    pub(super) fn next_probe_at(&self) -> Option<Instant> {
        let is_idle = self.probe.is_none() && self.prober == Prober::Dedicated;
        self.rules.iter().filter_map(CircuitRules::probe_at).min().filter(|_| is_idle)
    }

    /// Controls a circuit on behalf of an operator.
    pub(super) fn control(
        &mut self,
        circuit: Circuit,
        control: Control,
        reason: &str,
        now: Instant,
    ) {
        if let Some(rules) = self.rules_mut(circuit) {
            match control {
                Control::Isolate => rules.isolate(now, reason),
                Control::Close => rules.force_close(now, reason),
                Control::Reset => rules.reset(now, reason),
            }
        }
    }

    /// Returns the transitions of a circuit since the last call and the decision that follows from
    /// them; none if the decision is the same as before and does not depend on the time.
    pub(super) fn take_changes(
        &mut self,
        circuit: Circuit,
        now: Instant,
    ) -> Option<(Vec<Transition>, Decision)> {
        let rules = self.rules_mut(circuit).filter(|rules| rules.needs_publishing())?;
        Some((rules.take_transitions(), rules.decision(now)))
    }

    pub(super) fn is_closed(&self, circuit: Circuit) -> bool {
        self.rules(circuit).is_some_and(|rules| rules.state() == CircuitState::Closed)
    }

    /// Returns state, retry time and number of refusals by the rules of a circuit.
    pub(super) fn refusals(&self, circuit: Circuit, now: Instant) -> (CircuitState, Duration, u64) {
        let found = |rules: &CircuitRules| (rules.state(), rules.retry_after(now), rules.rejects());
        self.rules(circuit).map_or((CircuitState::Closed, Duration::ZERO, 0), found)
    }

    /// Returns the report of a circuit; `refused` calls were refused by the snapshot.
    pub(super) fn report(
        &mut self,
        circuit: Circuit,
        refused: u64,
        now: Instant,
    ) -> Option<CircuitReport> {
        self.rules_mut(circuit).map(|rules| rules.report(circuit, refused, now))
    }
}

#[cfg(test)]
mod tests;
