//! The actor: owns the circuits and, once the database is ready, the pool.

use actix::{Actor, AsyncContext, Context, Handler, Message};
use strum::EnumCount;

use super::circuit::Circuit;
use super::permit::Permit;
use super::pool::DbPool;
use super::rules::Rules;
use super::verdict::Verdict;

/// See the module.
pub(super) struct Breaker {
    circuits: [Rules; Circuit::COUNT],
    /// None until the database was reached and its schema is up to date.
    pool: Option<DbPool>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { circuits: std::array::from_fn(|_| Rules::default()), pool: None }
    }

    fn rules(&mut self, circuit: Circuit) -> Option<&mut Rules> {
        self.circuits.get_mut(circuit as usize)
    }
}

impl Actor for Breaker {
    type Context = Context<Self>;
}

/// May I ask the database something?
#[derive(Message)]
#[rtype(result = "Option<Permit>")]
pub(super) struct Checkout(pub(super) Circuit);

impl Handler<Checkout> for Breaker {
    type Result = Option<Permit>;

    fn handle(&mut self, Checkout(circuit): Checkout, context: &mut Self::Context) -> Self::Result {
        let pool = self.pool.clone()?;
        let generation = self.rules(circuit)?.checkout();
        Some(Permit::new(pool, circuit, generation, context.address()))
    }
}

/// What became of it.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Settle {
    pub(super) circuit: Circuit,
    pub(super) generation: u64,
    pub(super) verdict: Verdict,
}

impl Handler<Settle> for Breaker {
    type Result = ();

    fn handle(&mut self, settle: Settle, _: &mut Self::Context) {
        if let Some(rules) = self.rules(settle.circuit) {
            rules.settle(settle.generation, settle.verdict);
        }
    }
}

/// The database is ready: let queries through.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Open(pub(super) DbPool);

impl Handler<Open> for Breaker {
    type Result = ();

    fn handle(&mut self, Open(pool): Open, _: &mut Self::Context) {
        self.pool = Some(pool);
    }
}

/// The service stops: let nothing through any more, and close the connections as they come back.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Close;

impl Handler<Close> for Breaker {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        self.pool = None;
    }
}

/// How many calls are under way, and what the pool holds.
#[derive(Message)]
#[rtype(result = "Snapshot")]
pub(super) struct Inspect;

/// For operators and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, actix::MessageResponse)]
pub(super) struct Snapshot {
    pub(super) in_flight: u64,
    pub(super) failures: u64,
}

impl Handler<Inspect> for Breaker {
    type Result = Snapshot;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Snapshot {
        self.circuits.iter().fold(Snapshot::default(), |sum, rules| Snapshot {
            in_flight: sum.in_flight.saturating_add(rules.in_flight()),
            failures: sum.failures.saturating_add(rules.stats().failures),
        })
    }
}
