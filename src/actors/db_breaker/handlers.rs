//! How the actor handles each message: the rules decide, and what follows is published at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{ActorContext, AsyncContext, Context, Handler, MessageResult};
use strum::IntoEnumIterator;

use super::actor::DbBreaker;
use super::circuit::Circuit;
use super::messages::{Checkout, ControlCircuit, Inspect, SetPool, StopBreaker};
use super::permit::{Permit, Settle};

impl Handler<Checkout> for DbBreaker {
    type Result = Result<Permit, Option<Duration>>;

    fn handle(&mut self, Checkout(circuit): Checkout, context: &mut Self::Context) -> Self::Result {
        let now = Instant::now();
        self.settle_successes(now);
        let pool = self.pool.clone().ok_or(None)?;
        let granted = self.circuits.checkout(circuit, now, rand::random());
        let successes = self.circuits.is_closed(circuit).then(|| Arc::clone(&self.successes));
        self.publish(now, context);
        granted.map(|ticket| {
            let call = (circuit, ticket, now);
            Permit::new(pool, call, context.address().recipient(), successes)
        })
    }
}

impl Handler<Settle> for DbBreaker {
    type Result = ();

    fn handle(&mut self, settle: Settle, context: &mut Self::Context) {
        let Settle { circuit, granted_at, result } = settle;
        let now = Instant::now();
        self.settle_successes(now);
        self.circuits.settle(circuit, result, granted_at, now, rand::random());
        self.publish(now, context);
    }
}

impl Handler<SetPool> for DbBreaker {
    type Result = ();

    fn handle(&mut self, SetPool(pool): SetPool, _: &mut Self::Context) {
        self.pool = pool;
        if self.pool.is_none() {
            self.flush_events();
        }
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
        self.circuits.control(circuit, control, &reason, now);
        self.publish(now, context);
    }
}

impl Handler<StopBreaker> for DbBreaker {
    type Result = ();

    fn handle(&mut self, _: StopBreaker, context: &mut Self::Context) {
        self.flush_events();
        context.stop();
    }
}

impl Handler<Inspect> for DbBreaker {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Context<Self>) -> Self::Result {
        let now = Instant::now();
        self.settle_successes(now);
        let is_reached = self.pool.is_some();
        let circuits = Circuit::iter()
            .filter_map(|circuit| {
                self.circuits.report(circuit, self.snapshot.rejects(circuit), now)
            })
            .map(|report| if is_reached { report } else { report.without_database() })
            .collect();
        MessageResult((circuits, self.pool.clone()))
    }
}
