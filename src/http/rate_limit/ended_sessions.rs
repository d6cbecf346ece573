//! Sessions that have ended although their access tokens still verify by signature. Such a token is
//! charged to its address, never to its user.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::cache::two_generations::TwoGenerations;

const MAX_ENTRIES: usize = 10_000;

/// Token families of which a token was refused.
#[derive(Debug)]
pub(super) struct EndedSessionCache(Mutex<TwoGenerations<Uuid, ()>>);

impl Default for EndedSessionCache {
    fn default() -> Self {
        Self(Mutex::new(TwoGenerations::new(MAX_ENTRIES, |()| 1)))
    }
}

impl EndedSessionCache {
    /// Whether a token of this session was refused.
    pub(super) fn contains(&self, session: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&session).is_some()
    }

    /// Records how the authentication of a session ended.
    pub(super) fn set(&self, session: Uuid, ended: bool) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended { sessions.insert(session, ()) } else { sessions.remove(&session) }
    }
}
