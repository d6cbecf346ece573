//! What the handle sends to the actor. `Settle`, which permits send, is beside the permit.

use std::time::Duration;

use actix::Message;

use super::circuit::Circuit;
use super::permit::Permit;
use super::pool::DbPool;
use super::report::{CircuitReport, Control};

/// Asks for a permit. A refusal says in how long to try again, if that is known.
#[derive(Message)]
#[rtype(result = "Result<Permit, Option<Duration>>")]
pub(super) struct Checkout(pub(super) Circuit);

/// Sets the pool once the database is ready, or removes it at shutdown, so that every checkout is
/// refused.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct SetPool(pub(super) Option<DbPool>);

/// Carries an operator's control of a circuit, and the reason for the log.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct ControlCircuit(pub(super) Circuit, pub(super) Control, pub(super) String);

/// Stops the actor; its mailbox is closed when the message has been handled.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StopBreaker;

/// Asks for the state of all circuits and for the pool.
#[derive(Message)]
#[rtype(result = "(Vec<CircuitReport>, Option<DbPool>)")]
pub(super) struct Inspect;
