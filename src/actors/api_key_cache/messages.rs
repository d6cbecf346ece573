//! What is sent to the actor: by the handle, and by the guards of its own lookups and flushes.

use std::sync::Arc;
use std::time::Instant;

use actix::Message;

use super::error::KeyLookupError;
use super::known_key::KnownKey;
use super::usage::LastUse;
use crate::credentials::api_keys::KeyHash;
use crate::model::authority::{InvalidationEvent, InvalidationScope};
use crate::storage::api_keys::authority::KeyUse;

/// The result of a lookup: a key, or none with this hash.
pub(super) type LookupResult = Result<Option<Arc<KnownKey>>, KeyLookupError>;

/// Asks for a key that is not cached. Callers that ask during a lookup share its result.
#[derive(Message)]
#[rtype(result = "LookupResult")]
pub(super) struct LookUpKey {
    pub(super) hash: KeyHash,
    /// When the request was authenticated.
    pub(super) instant: Instant,
}

/// Reports the result of a lookup.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LookupEnded {
    pub(super) hash: KeyHash,
    pub(super) result: LookupResult,
}

/// Invalidates after a change that this process made. Nothing older is cached when the
/// message has been handled.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Invalidate(pub(super) InvalidationScope);

/// Applies an invalidation event of the database, received at the instant. Starts a new incarnation
/// if an earlier event was missed.
#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct ApplyEvent(pub(super) InvalidationEvent, pub(super) Instant);

/// Applies a polled epoch. Starts a new incarnation if an event was missed or the epoch went back.
/// The result is that of [`ApplyEvent`].
#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct ApplyEpoch {
    pub(super) epoch: i64,
    /// When the poll was sent.
    pub(super) polled_at: Instant,
    /// The epoch that was applied at that time.
    pub(super) applied: Option<i64>,
}

/// Starts a new incarnation: all that is cached or being looked up is verified again.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StartIncarnation;

/// Stops the actor; its mailbox is closed when the message has been handled.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StopKeyCache;

/// Queues the last use of a key for the next flush.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct QueueLastUse(pub(super) Arc<LastUse>);

/// Starts a flush of `last_used_at`. Returns how many keys are queued or being written.
#[derive(Message)]
#[rtype(result = "usize")]
pub(super) struct FlushLastUsed;

/// Reports the end of a flush, with the uses that were not written.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct FlushEnded(pub(super) Vec<KeyUse>);
