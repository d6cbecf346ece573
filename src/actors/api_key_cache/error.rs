//! Why a key is not accepted.

use std::time::Duration;

use crate::actors::db_breaker::DbError;

/// When to try again, where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// Why a key is not taken.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Unknown, revoked, or its owner may not be here.
    Invalid,
    /// Known, but its time is over.
    Expired,
    /// Not known here, and the database gives no answer.
    Unanswered(Unanswered),
}

/// Why the database gives no answer about a key. Told to all who asked.
#[derive(Clone, Debug)]
pub enum Unanswered {
    /// It is away, too slow or too busy.
    Away {
        /// When to try again.
        retry_after: Duration,
        /// For the log.
        cause: Option<String>,
    },
    /// A fault of ours.
    Fault {
        /// For the log.
        cause: String,
    },
}

impl Unanswered {
    /// It was not even asked.
    pub(super) fn lost() -> Self {
        Self::Away { retry_after: SOON, cause: None }
    }

    /// A fault of ours.
    pub(super) fn fault(cause: &str) -> Self {
        Self::Fault { cause: cause.to_owned() }
    }

    /// The actor has stopped. Nothing applies changes of authority any more, so nothing that was
    /// cached may be used.
    pub(super) fn stopped() -> Self {
        Self::fault("the API key cache has stopped")
    }
}

impl From<DbError> for Unanswered {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable { retry_after } => Self::Away { retry_after, cause: None },
            DbError::Failed { cause } | DbError::UnknownOutcome { cause } => {
                Self::Away { retry_after: SOON, cause: Some(cause) }
            }
            DbError::Stopped => Self::fault("the database circuit breaker has stopped"),
            DbError::Storage(error) => Self::Fault { cause: error.to_string() },
        }
    }
}
