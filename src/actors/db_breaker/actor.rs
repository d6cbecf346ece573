//! The actor: owns the circuits and, once the database is ready, the pool. It decides in one turn
//! of its mailbox and never waits; what takes time (a probe) is a future beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult,
    WrapFuture,
};
use slog::Logger;
use strum::{EnumCount, IntoEnumIterator};

use super::circuit::Circuit;
use super::permit::{Permit, Settle};
use super::pool::{self, DbPool};
use super::report::{CircuitReport, Control};
use super::rules::Rules;
use super::snapshot::{Decision, Snapshot};
use super::state::{Settings, State, Ticket};
use super::successes::Successes;
use super::verdict::Verdict;

/// How often calls are looked at that do not end.
const TICK: Duration = Duration::from_millis(200);

/// See the module.
pub(super) struct DbBreaker {
    circuits: [Rules; Circuit::COUNT],
    settings: Settings,
    snapshot: Arc<Snapshot>,
    successes: Arc<Successes>,
    taken: Vec<(Circuit, Ticket)>,
    /// None until the database was reached and its schema is up to date.
    pool: Option<DbPool>,
    /// Whether recovery can be found out on a connection beside the pool.
    probes: bool,
    logger: Logger,
}

impl DbBreaker {
    pub(super) fn new(
        settings: Settings,
        snapshot: Arc<Snapshot>,
        probes: bool,
        logger: Logger,
    ) -> Self {
        let now = Instant::now();
        Self {
            circuits: std::array::from_fn(|_| Rules::new(settings, now)),
            settings,
            snapshot,
            successes: Arc::default(),
            taken: Vec::new(),
            pool: None,
            probes,
            logger,
        }
    }

    fn rules(&mut self, circuit: Circuit) -> Option<&mut Rules> {
        self.circuits.get_mut(circuit as usize)
    }

    /// Counts what went well meanwhile. Comes before every decision, so that nothing that ended is
    /// taken to be under way.
    fn catch_up(&mut self, now: Instant) {
        let mut taken = std::mem::take(&mut self.taken);
        self.successes.take_into(&mut taken);
        for (circuit, ticket) in taken.drain(..) {
            if let Some(rules) = self.rules(circuit) {
                rules.settle(ticket, Verdict::Alive, None, now, rand::random());
            }
        }
        self.taken = taken;
    }

    /// Tells the world what a circuit has decided: the log, the snapshot, and the timer of the next
    /// probe.
    fn announce(&mut self, circuit: Circuit, now: Instant, context: &mut Context<Self>) {
        let timeout = self.settings.timeout;
        let Some(rules) = self.rules(circuit) else { return };
        if rules.is_settled() {
            return;
        }
        let transitions = rules.take_transitions();
        let decision = match rules.state() {
            State::Closed => Decision::Ask,
            State::Isolated => Decision::Isolated,
            State::HalfOpen if rules.probes_under_way() == 0 => Decision::Ask,
            State::HalfOpen => Decision::Until(now + timeout),
            State::Open => rules.probe_at().map_or(Decision::Ask, Decision::Until),
        };
        let (opened, probe_at) =
            (transitions.iter().any(|change| change.to == State::Open), rules.probe_at());
        self.snapshot.publish(circuit, decision);
        for change in transitions {
            let (from, to) = (change.from.as_ref().to_owned(), change.to.as_ref().to_owned());
            match change.to {
                State::Open | State::Isolated => slog::warn!(self.logger, "circuit breaker";
                    "circuit" => circuit.as_ref(), "from" => from, "to" => to, "cause" => change.cause),
                _ => slog::info!(self.logger, "circuit breaker";
                    "circuit" => circuit.as_ref(), "from" => from, "to" => to, "cause" => change.cause),
            }
        }
        if let (true, true, Some(at)) = (opened, self.probes, probe_at) {
            let wait = at.saturating_duration_since(now) + Duration::from_millis(1);
            context.run_later(wait, move |breaker, context| breaker.probe(circuit, context));
        }
    }

    /// Finds recovery even without traffic: one round trip on a connection of its own, which then
    /// joins the pool.
    fn probe(&mut self, circuit: Circuit, context: &mut Context<Self>) {
        let now = Instant::now();
        self.catch_up(now);
        let (Some(pool), Some(rules)) = (self.pool.clone(), self.rules(circuit)) else { return };
        // An operator, or a caller, was faster: then it is theirs to find out.
        let due = rules.probe_at().is_some_and(|at| at <= now);
        let Some(Ok(ticket)) = due.then(|| rules.checkout(now, rand::random())) else { return };
        self.announce(circuit, now, context);
        let limit = self.settings.timeout;
        let asked = async move { tokio::time::timeout(limit, pool::probe(&pool)).await };
        let told = asked.into_actor(self).map(move |outcome, breaker: &mut Self, context| {
            let (verdict, error) = match outcome {
                Ok(Ok(())) => (Verdict::Alive, None),
                Ok(Err(error)) => (Verdict::Failure, Some(error)),
                Err(_) => (Verdict::Failure, Some("no answer in time".to_owned())),
            };
            breaker.settle(&Settle { circuit, ticket, verdict, error, everyone: false }, context);
        });
        context.spawn(told);
    }

    fn settle(&mut self, settle: &Settle, context: &mut Context<Self>) {
        let (now, circuit) = (Instant::now(), settle.circuit);
        self.catch_up(now);
        if let Some(rules) = self.rules(circuit) {
            rules.settle(settle.ticket, settle.verdict, settle.error.clone(), now, rand::random());
        }
        self.announce(circuit, now, context);
        if let (true, Some(error)) = (settle.everyone, &settle.error) {
            for other in Circuit::iter().filter(|other| *other != circuit) {
                if let Some(rules) = self.rules(other) {
                    rules.unreachable(error, now, rand::random());
                }
                self.announce(other, now, context);
            }
        }
    }
}

impl Actor for DbBreaker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(TICK, |breaker, context| {
            let now = Instant::now();
            breaker.catch_up(now);
            for circuit in Circuit::iter() {
                if let Some(rules) = breaker.rules(circuit) {
                    rules.tick(now, rand::random());
                }
                breaker.announce(circuit, now, context);
            }
        });
    }
}

/// May I ask the database something? If not, in how long is it worth asking again?
#[derive(Message)]
#[rtype(result = "Result<Permit, Option<Duration>>")]
pub(super) struct Checkout(pub(super) Circuit);

impl Handler<Checkout> for DbBreaker {
    type Result = Result<Permit, Option<Duration>>;

    fn handle(&mut self, Checkout(circuit): Checkout, context: &mut Self::Context) -> Self::Result {
        let now = Instant::now();
        self.catch_up(now);
        let pool = self.pool.clone().ok_or(None)?;
        let rules = self.rules(circuit).ok_or(None)?;
        let granted = rules.checkout(now, rand::random());
        let closed = rules.state() == State::Closed;
        self.announce(circuit, now, context);
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

/// The database is ready (let queries through), or the service stops (let nothing through any
/// more).
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct SetPool(pub(super) Option<DbPool>);

impl Handler<SetPool> for DbBreaker {
    type Result = ();

    fn handle(&mut self, SetPool(pool): SetPool, _: &mut Self::Context) {
        self.pool = pool;
    }
}

/// What an operator wants.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Steer(pub(super) Circuit, pub(super) Control, pub(super) String);

impl Handler<Steer> for DbBreaker {
    type Result = ();

    fn handle(&mut self, Steer(circuit, control, reason): Steer, context: &mut Self::Context) {
        let now = Instant::now();
        self.catch_up(now);
        if let Some(rules) = self.rules(circuit) {
            match control {
                Control::Isolate => rules.isolate(now, &reason),
                Control::Close => rules.force_closed(now, &reason),
                Control::Reset => rules.reset(now, &reason),
            }
        }
        self.announce(circuit, now, context);
    }
}

/// Stop: the mailbox is closed once this is answered.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Stop;

impl Handler<Stop> for DbBreaker {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}

/// How the circuits are, and the pool.
#[derive(Message)]
#[rtype(result = "(Vec<CircuitReport>, Option<DbPool>)")]
pub(super) struct Inspect;

impl Handler<Inspect> for DbBreaker {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        let now = Instant::now();
        self.catch_up(now);
        let circuits = Circuit::iter()
            .zip(&self.circuits)
            .map(|(circuit, rules)| {
                let mut stats = rules.stats();
                stats.rejects = stats.rejects.saturating_add(self.snapshot.rejects(circuit));
                CircuitReport {
                    circuit,
                    state: rules.state(),
                    stats,
                    for_how_long: now.saturating_duration_since(rules.since()),
                    retry_after: Some(rules.retry_after(now))
                        .filter(|_| rules.state() != State::Closed),
                    last_error: rules.last_error().map(str::to_owned),
                    in_flight: rules.places(),
                }
            })
            .collect();
        MessageResult((circuits, self.pool.clone()))
    }
}
