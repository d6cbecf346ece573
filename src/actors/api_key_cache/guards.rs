//! Guards of the tasks that the actor spawns. They report the end of a task when they are dropped,
//! so that a task that panics fails its own waiters and blocks no others.

use actix::Recipient;

use super::error::KeyLookupError;
use super::messages::{FlushEnded, LookupEnded, LookupResult};
use crate::credentials::api_keys::KeyHash;
use crate::storage::api_keys::authority::KeyUse;

/// Reports the result of a lookup; [`KeyLookupError::Aborted`] if there is none.
pub(super) struct LookupGuard {
    hash: KeyHash,
    result: Option<LookupResult>,
    cache: Recipient<LookupEnded>,
}

impl LookupGuard {
    pub(super) fn new(hash: KeyHash, cache: Recipient<LookupEnded>) -> Self {
        Self { hash, result: None, cache }
    }

    /// Reports this result.
    pub(super) fn complete(mut self, result: LookupResult) {
        self.result = Some(result);
    }
}

impl Drop for LookupGuard {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Err(KeyLookupError::Aborted));
        self.cache.do_send(LookupEnded { hash: self.hash, result });
    }
}

/// Reports the end of a flush, with the uses that were not written.
pub(super) struct FlushGuard {
    unwritten: Vec<KeyUse>,
    cache: Recipient<FlushEnded>,
}

impl FlushGuard {
    pub(super) fn new(batch: Vec<KeyUse>, cache: Recipient<FlushEnded>) -> Self {
        Self { unwritten: batch, cache }
    }

    pub(super) fn unwritten(&self) -> &[KeyUse] {
        &self.unwritten
    }

    /// The whole batch was written.
    pub(super) fn mark_written(&mut self) {
        self.unwritten.clear();
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        self.cache.do_send(FlushEnded(std::mem::take(&mut self.unwritten)));
    }
}
