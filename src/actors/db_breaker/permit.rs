//! The permission to ask the database one thing. Giving it up tells the actor what became of it; given up without a
//! verdict (the caller is gone, or panicked), it counts for nothing.

use actix::Addr;

use super::actor::{Breaker, Settle};
use super::circuit::Circuit;
use super::pool::DbPool;
use super::verdict::Verdict;

pub(super) struct Permit {
    pub(super) pool: DbPool,
    pub(super) verdict: Verdict,
    circuit: Circuit,
    generation: u64,
    breaker: Addr<Breaker>,
}

impl Permit {
    pub(super) fn new(pool: DbPool, circuit: Circuit, generation: u64, breaker: Addr<Breaker>) -> Self {
        Self { pool, verdict: Verdict::Neutral, circuit, generation, breaker }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.breaker.do_send(Settle { circuit: self.circuit, generation: self.generation, verdict: self.verdict });
    }
}
