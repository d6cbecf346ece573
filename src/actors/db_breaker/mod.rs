//! The database circuit breaker. Every query of the service goes through its [`DbBreakerHandle`]
//! handle.
//!
//! It grants, it does not relay: a caller asks the actor for a permit, takes a connection of the
//! actor's pool, runs its query in its own task, and the verdict goes back when the permit is given
//! up. So queries run in parallel on all workers, and a panic in one costs one caller.
//!
//! ```text
//! handle ──Checkout──▶ actor ──permit──▶ handle: connection, query, deadline ──Settle──▶ actor
//! ```
//!
//! `rules` decides (with `window` as its memory, in the words of `state`), `actor` owns the rules
//! and the pool, `snapshot` refuses without a mailbox, `pool` knows how a connection is opened and
//! when it is spoilt, `verdict` reads the database's words, `successes` gathers what needs no
//! decision, `lease` is one call's permit and connection, `handle` and `transaction` are the only
//! door.

mod actor;
mod circuit;
mod error;
mod handle;
mod lease;
mod permit;
mod pool;
mod report;
mod rules;
#[cfg(test)]
mod rules_tests;
mod snapshot;
mod state;
mod successes;
mod transaction;
mod verdict;
mod window;

pub use self::circuit::Circuit;
pub use self::error::DbError;
pub use self::handle::DbBreakerHandle;
pub use self::pool::{DbPool, PoolSettings};
pub use self::report::{CircuitReport, Control, PoolReport};
pub use self::state::{Settings, State, Stats};
