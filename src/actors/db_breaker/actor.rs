//! The actor: owns the circuits and, once the database is ready, the pool. It decides within one
//! message and never waits; the probe, which takes time, is a future beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, WrapFuture,
};
use slog::Logger;
use strum::{EnumCount, IntoEnumIterator};

use super::circuit::Circuit;
use super::messages::{Checkout, ControlCircuit, Inspect, SetPool, StopBreaker};
use super::permit::{Permit, Settle};
use super::pool::{self, DbPool, ProbeError};
use super::report::{CircuitReport, Control};
use super::rules::CircuitRules;
use super::snapshot::{Decision, Snapshot};
use super::state::{CircuitSettings, CircuitState, Ticket};
use super::successes::Successes;
use super::verdict::Verdict;
use crate::telemetry::error_chain;

/// Interval at which calls that exceeded the timeout are counted as failures.
const TICK: Duration = Duration::from_millis(200);

/// The circuit breaker actor.
pub(super) struct DbBreaker {
    circuits: [CircuitRules; Circuit::COUNT],
    settings: CircuitSettings,
    snapshot: Arc<Snapshot>,
    successes: Arc<Successes>,
    /// Empty between calls of `settle_successes`; kept for its capacity.
    drained: Vec<(Circuit, Ticket)>,
    /// None until the database was reached and its schema is up to date.
    pool: Option<DbPool>,
    /// Whether an open circuit can be probed on a connection beside the pool.
    has_dedicated_probe: bool,
    logger: Logger,
}

impl DbBreaker {
    pub(super) fn new(
        settings: CircuitSettings,
        snapshot: Arc<Snapshot>,
        has_dedicated_probe: bool,
        logger: Logger,
    ) -> Self {
        let now = Instant::now();
        Self {
            circuits: std::array::from_fn(|_| CircuitRules::new(settings, now)),
            settings,
            snapshot,
            successes: Arc::default(),
            drained: Vec::new(),
            pool: None,
            has_dedicated_probe,
            logger,
        }
    }

    fn rules(&mut self, circuit: Circuit) -> Option<&mut CircuitRules> {
        self.circuits.get_mut(circuit as usize)
    }

    /// Settles the successes collected so far. Runs before every decision, so that no call that
    /// has ended is taken to be in flight.
    fn settle_successes(&mut self, now: Instant) {
        let mut drained = std::mem::take(&mut self.drained);
        self.successes.drain_into(&mut drained);
        for (circuit, ticket) in drained.drain(..) {
            if let Some(rules) = self.rules(circuit) {
                rules.settle(ticket, Verdict::Alive, None, now, rand::random());
            }
        }
        self.drained = drained;
    }

    /// Publishes a circuit's decision: in the log, in the snapshot, and as the timer of the next
    /// probe.
    fn publish(&mut self, circuit: Circuit, now: Instant, context: &mut Context<Self>) {
        let timeout = self.settings.timeout;
        let Some(rules) = self.rules(circuit) else { return };
        if !rules.needs_publishing() {
            return;
        }
        let transitions = rules.take_transitions();
        let decision = match rules.state() {
            CircuitState::Closed => Decision::AskActor,
            CircuitState::Isolated => Decision::RefuseAlways,
            CircuitState::HalfOpen if rules.probes_in_flight() == 0 => Decision::AskActor,
            CircuitState::HalfOpen => Decision::RefuseUntil(now + timeout),
            CircuitState::Open => {
                rules.probe_at().map_or(Decision::AskActor, Decision::RefuseUntil)
            }
        };
        let (opened, probe_at) =
            (transitions.iter().any(|change| change.to == CircuitState::Open), rules.probe_at());
        self.snapshot.publish(circuit, decision);
        for change in transitions {
            let (from, to) = (change.from.as_ref().to_owned(), change.to.as_ref().to_owned());
            match change.to {
                CircuitState::Open | CircuitState::Isolated => {
                    slog::warn!(self.logger, "circuit state changed"; "circuit" => circuit.as_ref(),
                        "from" => from, "to" => to, "cause" => change.cause);
                }
                _ => slog::info!(self.logger, "circuit state changed";
                    "circuit" => circuit.as_ref(), "from" => from, "to" => to,
                    "cause" => change.cause),
            }
        }
        if let (true, true, Some(at)) = (opened, self.has_dedicated_probe, probe_at) {
            let wait = at.saturating_duration_since(now) + Duration::from_millis(1);
            context.run_later(wait, move |breaker, context| breaker.probe(circuit, context));
        }
    }

    /// Detects recovery even without traffic: one round trip on a connection of its own, which then
    /// joins the pool.
    fn probe(&mut self, circuit: Circuit, context: &mut Context<Self>) {
        let now = Instant::now();
        self.settle_successes(now);
        let (Some(pool), Some(rules)) = (self.pool.clone(), self.rules(circuit)) else { return };
        // If an operator closed the circuit or a caller took the probe meanwhile, none is due.
        let due = rules.probe_at().is_some_and(|at| at <= now);
        let Some(Ok(ticket)) = due.then(|| rules.checkout(now, rand::random())) else { return };
        self.publish(circuit, now, context);
        let limit = self.settings.timeout;
        let probe = async move {
            let result = tokio::time::timeout(limit, pool::probe(&pool)).await;
            result.unwrap_or(Err(ProbeError::TimedOut))
        };
        let settled = probe.into_actor(self).map(move |result, breaker: &mut Self, context| {
            let (verdict, error) = match result {
                Ok(()) => (Verdict::Alive, None),
                Err(error) => (Verdict::Failure, Some(error_chain(&error))),
            };
            let settle = Settle { circuit, ticket, verdict, error, server_unreachable: false };
            breaker.settle(&settle, context);
        });
        context.spawn(settled);
    }

    fn settle(&mut self, settle: &Settle, context: &mut Context<Self>) {
        let (now, circuit) = (Instant::now(), settle.circuit);
        self.settle_successes(now);
        if let Some(rules) = self.rules(circuit) {
            rules.settle(settle.ticket, settle.verdict, settle.error.clone(), now, rand::random());
        }
        self.publish(circuit, now, context);
        if let (true, Some(error)) = (settle.server_unreachable, &settle.error) {
            for other in Circuit::iter().filter(|other| *other != circuit) {
                if let Some(rules) = self.rules(other) {
                    rules.count_unreachable(error, now, rand::random());
                }
                self.publish(other, now, context);
            }
        }
    }
}

impl Actor for DbBreaker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(TICK, |breaker, context| {
            let now = Instant::now();
            breaker.settle_successes(now);
            for circuit in Circuit::iter() {
                if let Some(rules) = breaker.rules(circuit) {
                    rules.tick(now, rand::random());
                }
                breaker.publish(circuit, now, context);
            }
        });
    }
}

impl Handler<Checkout> for DbBreaker {
    type Result = Result<Permit, Option<Duration>>;

    fn handle(&mut self, Checkout(circuit): Checkout, context: &mut Self::Context) -> Self::Result {
        let now = Instant::now();
        self.settle_successes(now);
        let pool = self.pool.clone().ok_or(None)?;
        let rules = self.rules(circuit).ok_or(None)?;
        let granted = rules.checkout(now, rand::random());
        let closed = rules.state() == CircuitState::Closed;
        self.publish(circuit, now, context);
        let successes = closed.then(|| Arc::clone(&self.successes));
        granted
            .map(|ticket| {
                Permit::new(pool, (circuit, ticket), context.address().recipient(), successes)
            })
            .map_err(Some)
    }
}

impl Handler<Settle> for DbBreaker {
    type Result = ();

    fn handle(&mut self, settle: Settle, context: &mut Self::Context) {
        self.settle(&settle, context);
    }
}

impl Handler<SetPool> for DbBreaker {
    type Result = ();

    fn handle(&mut self, SetPool(pool): SetPool, _: &mut Self::Context) {
        self.pool = pool;
    }
}

impl Handler<ControlCircuit> for DbBreaker {
    type Result = ();

    fn handle(
        &mut self,
        ControlCircuit(circuit, control, reason): ControlCircuit,
        context: &mut Self::Context,
    ) {
        let now = Instant::now();
        self.settle_successes(now);
        if let Some(rules) = self.rules(circuit) {
            match control {
                Control::Isolate => rules.isolate(now, &reason),
                Control::Close => rules.force_close(now, &reason),
                Control::Reset => rules.reset(now, &reason),
            }
        }
        self.publish(circuit, now, context);
    }
}

impl Handler<StopBreaker> for DbBreaker {
    type Result = ();

    fn handle(&mut self, _: StopBreaker, context: &mut Self::Context) {
        context.stop();
    }
}

impl Handler<Inspect> for DbBreaker {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        let now = Instant::now();
        self.settle_successes(now);
        let circuits = Circuit::iter()
            .zip(&self.circuits)
            .map(|(circuit, rules)| {
                let mut stats = rules.stats();
                stats.rejects = stats.rejects.saturating_add(self.snapshot.rejects(circuit));
                CircuitReport {
                    circuit,
                    state: rules.state(),
                    stats,
                    in_state_for: now.saturating_duration_since(rules.since()),
                    retry_after: Some(rules.retry_after(now))
                        .filter(|_| rules.state() != CircuitState::Closed),
                    last_error: rules.last_error().map(str::to_owned),
                    in_flight: rules.permits_in_use(),
                }
            })
            .collect();
        MessageResult((circuits, self.pool.clone()))
    }
}
