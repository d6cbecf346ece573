//! Why the database could not be prepared at startup.

use std::error::Error;

/// An error of one startup attempt.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartupError {
    /// The next attempt may succeed.
    #[error(transparent)]
    Temporary(Box<dyn Error + Send + Sync>),
    /// No attempt succeeds until the operator does what the message says.
    #[error("{0}")]
    NeedsOperator(String),
}

impl StartupError {
    /// Wraps an error after which another attempt may succeed.
    pub(super) fn temporary(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Temporary(error.into())
    }
}
