//! What `db.run` answers when it has no result.

use std::time::Duration;

use crate::storage::StorageError;

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
    /// The database answered, and this is what storage makes of it.
    Storage(StorageError),
}
