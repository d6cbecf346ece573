//! The last errors that a server sent on one connection, with their SQLSTATE, which diesel does not
//! expose. Its errors have the message only, and that is in the language of the server; so the
//! message serves as the key here, and nothing reads it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::error::SqlState;

/// Number of errors that are kept for a connection. Diesel's error is looked up right after it was
/// received, so one would nearly always do.
const KEPT: usize = 8;

/// One error of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    pub state: SqlState,
    /// The server has ended the connection (severity FATAL or PANIC).
    pub is_fatal: bool,
    /// Beginning of the message.
    pub(super) message_start: Vec<u8>,
    /// Length of the whole message, in bytes.
    pub(super) message_length: usize,
}

impl ServerError {
    /// Creates an error as if the server had sent it.
    #[cfg(test)]
    pub(crate) fn new(state: &str, is_fatal: bool, message: &str) -> Self {
        Self {
            state: SqlState::from_code(state),
            is_fatal,
            message_start: message.as_bytes().iter().take(4).copied().collect(),
            message_length: message.len(),
        }
    }

    fn has_message(&self, message: &str) -> bool {
        message.len() == self.message_length && message.as_bytes().starts_with(&self.message_start)
    }
}

/// The last errors of one connection. Clones share them: the connection's stream writes, the
/// circuit breaker reads.
#[derive(Clone, Debug, Default)]
pub struct RecentErrors(Arc<Recent>);

#[derive(Debug, Default)]
struct Recent {
    errors: Mutex<VecDeque<ServerError>>,
    commit_not_replicated: AtomicBool,
}

impl RecentErrors {
    /// Adds an error, in place of the oldest one if there are too many.
    pub(crate) fn push(&self, error: ServerError) {
        let mut errors = self.0.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.truncate(KEPT - 1);
        errors.push_front(error);
    }

    /// Returns the last error with this message, as diesel reports it.
    pub fn find(&self, message: &str) -> Option<ServerError> {
        let errors = self.0.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.iter().find(|error| error.has_message(message)).cloned()
    }

    /// Records that the wait of a COMMIT for a synchronous standby was cancelled. The server
    /// reports such a commit as successful, with a warning.
    pub(super) fn set_commit_not_replicated(&self) {
        self.0.commit_not_replicated.store(true, Ordering::Release);
    }

    /// Whether the wait of a COMMIT for a synchronous standby was cancelled: a failover to that
    /// standby may undo what was committed.
    pub fn take_commit_not_replicated(&self) -> bool {
        self.0.commit_not_replicated.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_error_with_the_message_is_found_and_old_ones_are_dropped() {
        let errors = RecentErrors::default();
        for code in ["40001", "40P01"] {
            errors.push(ServerError::new(code, false, "Verklemmung"));
        }
        let found = errors.find("Verklemmung").expect("an error");
        assert_eq!(found.state, SqlState::T_R_DEADLOCK_DETECTED);
        assert_eq!(errors.find("Verklemmungen"), None);
        assert_eq!(errors.find("Andere Texte"), None);
        for _ in 0..KEPT {
            errors.push(ServerError::new("55P03", false, "Zeitlimit"));
        }
        assert_eq!(errors.find("Verklemmung"), None);
    }
}
