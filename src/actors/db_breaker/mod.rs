//! The database circuit breaker. Every query of the service goes through [`DbBreakerHandle`].
//!
//! The actor `DbBreaker` grants permits, it does not relay queries. A caller asks for a permit,
//! takes a connection from the pool and runs its query in its own task; dropping the permit reports
//! the verdict. So queries run in parallel on all workers, and a panic in one ends one request.
//!
//! ```text
//! handle ──Checkout──▶ actor ──permit──▶ handle: connection, query, deadline ──Settle──▶ actor
//! ```
//!
//! | call of the handle | message to the actor |
//! | --- | --- |
//! | `run`, `transaction`, `change_catalogue` | `Checkout`; `Settle` when the permit is dropped |
//! | `read_batches` | the same |
//! | `open_pool`, `close_pool` | `SetPool` |
//! | `control` | `ControlCircuit` |
//! | `report`, `in_flight` | `Inspect` |
//! | `stop` | `StopBreaker` |
//!
//! The success of a closed circuit sends no `Settle`: `successes` collects it for the actor.
//!
//! `rules` decides for one circuit, with `window` (and `latency`), `in_flight`, `stats`,
//! `transitions` and the types of `state`; `circuits` decides for all of them, and when the server
//! is probed. `actor` and `handlers` own the circuits and the pool; `messages` and `permit` define
//! what they are sent. `snapshot` refuses without a message, `shares` divides the pool among
//! callers, `pool` opens and discards connections, `probe` probes the server, `verdict` and
//! `failure_cause` classify errors, `storage_check` finds a full disk, `lease` holds the permit and
//! the connection of one call, `events` writes the log. `handle`, `query`, `transaction` and
//! `batches` are the public methods.

mod actor;
mod batches;
mod circuit;
mod circuits;
mod error;
mod events;
mod failure_cause;
mod generation;
mod handle;
mod handlers;
mod in_flight;
mod latency;
mod lease;
mod messages;
mod permit;
mod pool;
mod probe;
mod query;
mod report;
mod rules;
mod shares;
mod snapshot;
mod state;
mod stats;
mod storage_check;
mod successes;
mod transaction;
mod transitions;
mod verdict;
mod window;

pub use self::circuit::Circuit;
pub use self::error::{DbError, QueryError};
pub use self::failure_cause::FailureCounts;
pub use self::handle::DbBreakerHandle;
pub use self::latency::LatencyReport;
pub use self::pool::{DbPool, PoolSettings};
pub use self::report::{CircuitReport, Control, PoolReport, TransitionReport};
pub use self::state::{CircuitSettings, CircuitState};
pub use self::stats::{CircuitStats, TransitionCounts};
pub use self::storage_check::StorageCheck;
pub use self::window::WindowReport;
