//! Why an API key is not accepted.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::actors::db_breaker::DbError;

/// Retry time where the breaker gives none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why an API key is not accepted.
#[derive(Clone, Debug, Error)]
pub enum KeyError {
    /// Unknown or revoked, or its owner is not active.
    #[error("invalid API key")]
    Invalid,
    #[error("API key expired")]
    Expired,
    /// Not cached, and the lookup gave no result.
    #[error(transparent)]
    Lookup(#[from] KeyLookupError),
}

/// Why the lookup of a key gave no result. All waiters of a lookup get the same error.
#[derive(Clone, Debug, Error)]
pub enum KeyLookupError {
    /// The database is unavailable or too slow.
    #[error("API key lookup unavailable")]
    Unavailable { retry_after: Duration, source: Option<Arc<DbError>> },
    /// A limit of this process is reached: on connections or on lookups.
    #[error("API key lookup refused")]
    Overloaded { retry_after: Duration },
    /// A fault of this process or of the stored data.
    #[error("API key lookup failed")]
    Failed(#[source] Arc<DbError>),
    /// The task of the lookup ended early (a panic).
    #[error("API key lookup ended without a result")]
    Aborted,
    /// The actor has stopped. Invalidations are no longer applied, so nothing cached may be used.
    #[error("API key cache stopped")]
    Stopped,
}

impl KeyLookupError {
    /// Too many lookups, or too many invalidations during this one.
    pub(super) fn refused() -> Self {
        Self::Overloaded { retry_after: DEFAULT_RETRY_AFTER }
    }
}

impl From<DbError> for KeyLookupError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable { retry_after } => Self::Unavailable { retry_after, source: None },
            DbError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            DbError::Failed { .. } | DbError::UnknownOutcome { .. } => Self::Unavailable {
                retry_after: DEFAULT_RETRY_AFTER,
                source: Some(Arc::new(error)),
            },
            DbError::Stopped | DbError::Storage(_) => Self::Failed(Arc::new(error)),
        }
    }
}
