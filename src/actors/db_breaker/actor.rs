//! The actor: owns the circuits and, once the database is ready, the pool. It decides within one
//! message and never waits; the probe, which takes time, is a future beside it. The messages that
//! it handles are in `handlers`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, WrapFuture};
use strum::IntoEnumIterator;

use super::circuit::Circuit;
use super::circuits::{Circuits, ServerProbe};
use super::events::BreakerEvents;
use super::pool::DbPool;
use super::probe;
use super::snapshot::Snapshot;
use super::state::{CircuitSettings, CircuitState, Prober};
use super::successes::{Success, Successes};

/// Interval at which calls that exceeded the timeout are counted as failures, and refusals are
/// logged.
const TICK: Duration = Duration::from_millis(200);

/// The circuit breaker actor.
pub(super) struct DbBreaker {
    pub(super) circuits: Circuits,
    settings: CircuitSettings,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) successes: Arc<Successes>,
    /// Empty between calls of `settle_successes`; kept for its capacity.
    drained: Vec<Success>,
    /// None until the database was reached and its schema is up to date.
    pub(super) pool: Option<DbPool>,
    pub(super) events: Arc<BreakerEvents>,
    /// Refusals that were logged or counted, by circuit.
    noted_refusals: Vec<(Circuit, u64)>,
    /// When the timer of the next probe fires.
    timer: Option<(Instant, SpawnHandle)>,
}

impl DbBreaker {
    pub(super) fn new(
        settings: CircuitSettings,
        prober: Prober,
        snapshot: Arc<Snapshot>,
        events: Arc<BreakerEvents>,
    ) -> Self {
        Self {
            circuits: Circuits::new(settings, prober, Instant::now()),
            settings,
            snapshot,
            successes: Arc::default(),
            drained: Vec::new(),
            pool: None,
            events,
            noted_refusals: Circuit::iter().map(|circuit| (circuit, 0)).collect(),
            timer: None,
        }
    }

    /// Settles the successes collected so far. Runs before every decision, so that no call that
    /// has ended is taken to be in flight.
    pub(super) fn settle_successes(&mut self, now: Instant) {
        let mut drained = std::mem::take(&mut self.drained);
        self.successes.drain_into(&mut drained);
        for success in drained.drain(..) {
            self.circuits.succeed(success.circuit, success.result(), now, rand::random());
        }
        self.drained = drained;
    }

    /// Acts on what the rules decided: publishes changes in the log and in the snapshot, and begins
    /// a probe that is due or sets its timer.
    pub(super) fn publish(&mut self, now: Instant, context: &mut Context<Self>) {
        if let Some((cause, next)) = self.circuits.take_probe_failure() {
            self.events.probe_failed(&cause, next.saturating_duration_since(now));
        }
        for circuit in Circuit::iter() {
            self.publish_circuit(circuit, now);
        }
        if let Some(pool) = self.pool.clone().filter(|_| self.circuits.is_probe_due(now)) {
            if let Some(probe) = self.circuits.begin_probe(now) {
                self.probe(probe, pool, context);
            }
            for circuit in Circuit::iter() {
                self.publish_circuit(circuit, now);
            }
        }
        self.set_timer(now, context);
    }

    fn publish_circuit(&mut self, circuit: Circuit, now: Instant) {
        let Some((transitions, decision)) = self.circuits.take_changes(circuit, now) else {
            return;
        };
        self.snapshot.publish(circuit, decision);
        if let Some(first) = transitions.first() {
            self.note_refusals(circuit, Some(first.from), now);
        }
        let (_, retry_after, _) = self.circuits.refusals(circuit, now);
        for transition in &transitions {
            self.events.transition(circuit, transition, retry_after);
        }
    }

    /// Logs refusals since the last call. The snapshot refuses without a message, so this is at the
    /// next tick. `state` is the state in which they happened, if it has changed since.
    fn note_refusals(&mut self, circuit: Circuit, state: Option<CircuitState>, now: Instant) {
        let (current, retry_after, by_rules) = self.circuits.refusals(circuit, now);
        let total = by_rules.saturating_add(self.snapshot.rejects(circuit));
        let noted = self.noted_refusals.iter_mut().find(|(noted, _)| *noted == circuit);
        if let Some((_, noted)) = noted {
            let refused = total.saturating_sub(std::mem::replace(noted, total));
            let details = (state.unwrap_or(current), retry_after);
            self.events.rejected(circuit, details, refused, now);
        }
    }

    /// Logs all refusals and counts that are not yet logged, for shutdown.
    pub(super) fn flush_events(&mut self) {
        for circuit in Circuit::iter() {
            self.note_refusals(circuit, None, Instant::now());
        }
        self.events.log_repeated(None);
    }

    /// Detects recovery even without traffic: one round trip on a connection of its own, which then
    /// joins the pool.
    fn probe(&mut self, probe: ServerProbe, pool: DbPool, context: &mut Context<Self>) {
        let limit = self.settings.probe_timeout();
        let result = async move { probe::probe_server(&pool, limit).await };
        let settled = result.into_actor(self).map(move |result, breaker: &mut Self, context| {
            let now = Instant::now();
            breaker.settle_successes(now);
            breaker.circuits.settle_probe(probe, result, now, rand::random());
            breaker.publish(now, context);
        });
        context.spawn(settled);
    }

    /// Sets the timer of the next probe, unless it is set already.
    fn set_timer(&mut self, now: Instant, context: &mut Context<Self>) {
        let next = self.circuits.next_probe_at();
        if next == self.timer.map(|(at, _)| at) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            context.cancel_future(timer);
        }
        self.timer = next.map(|at| {
            let wait = at.saturating_duration_since(now) + Duration::from_millis(1);
            (at, context.run_later(wait, Self::tick))
        });
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        let now = Instant::now();
        self.settle_successes(now);
        self.circuits.tick(now, rand::random());
        for circuit in Circuit::iter() {
            self.note_refusals(circuit, None, now);
        }
        self.publish(now, context);
        self.events.log_repeated(Some(now));
    }
}

impl Actor for DbBreaker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(TICK, Self::tick);
    }
}
