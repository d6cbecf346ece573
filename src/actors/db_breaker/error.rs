//! What `db.run` answers when it has no result.

use std::time::Duration;

use super::verdict::Kind;
use crate::storage::StorageError;

/// When to try again while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why there is no result.
#[derive(Debug)]
pub enum DbError {
    /// Nothing was sent: the database is away, still starting, or has no connection to spare.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database did not do it in time, or the way to it broke; nothing was changed.
    Failed {
        /// For the log.
        cause: String,
    },
    /// A change was sent, and whether it was made is not known.
    UnknownOutcome {
        /// For the log.
        cause: String,
    },
    /// A fault of this process, not of the database: the actor that grants connections has stopped.
    Stopped,
    /// The database answered, and this is what storage makes of it.
    Storage(StorageError),
}

impl DbError {
    /// Nothing was sent; when to try again, if that is known.
    pub(super) fn refused(retry_after: Option<Duration>) -> Self {
        Self::Unavailable { retry_after: retry_after.unwrap_or(RETRY_AFTER) }
    }

    /// An error of storage as the caller hears it.
    pub(super) fn of(kind: Kind, error: StorageError) -> Self {
        match kind {
            Kind::Answer => Self::Storage(error),
            Kind::Retry | Kind::Broken | Kind::TooSlow => {
                Self::Failed { cause: format!("{error:?}") }
            }
        }
    }
}
