//! Why a query of [`DbBreakerHandle`](super::DbBreakerHandle) has no result.

use std::time::Duration;

use thiserror::Error;

use super::verdict::ErrorKind;
use crate::storage::StorageError;
use crate::telemetry::traces::query_span::QueryFailure;

/// Retry time where no circuit gives one.
pub(super) const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(2);
/// Retry time under overload: queries are short, so connections are soon free.
const OVERLOADED_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a query or transaction has no result. After every error but
/// [`DbError::UnknownOutcome`] nothing was changed.
#[derive(Debug, Error)]
pub enum DbError {
    /// Nothing was sent: the database is unavailable or still starting.
    #[error("database unavailable")]
    Unavailable { retry_after: Duration },
    /// Nothing was changed: a limit of this process is reached. The database is available, but all
    /// connections are in use, the queue for them is full, or another change of the catalogue takes
    /// too long.
    #[error("too many database calls")]
    Overloaded { retry_after: Duration },
    /// The query timed out, or its connection broke, before COMMIT was sent.
    #[error("{operation} failed")]
    Failed { operation: &'static str, source: QueryError },
    /// COMMIT was sent, and whether it took effect is not known.
    #[error("outcome of {operation} unknown")]
    UnknownOutcome { operation: &'static str, source: QueryError },
    /// A fault of this process: the actor that grants permits has stopped.
    #[error("database circuit breaker stopped")]
    Stopped,
    /// The database answered with an error.
    #[error(transparent)]
    Storage(StorageError),
}

/// What ended a query without a result.
#[derive(Debug, Error)]
pub enum QueryError {
    #[error("timed out")]
    TimedOut,
    /// Committed on the primary; a failover may undo it.
    #[error("no synchronous standby confirmed the commit in time")]
    NotReplicated,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl DbError {
    /// Nothing was sent; `retry_after` is the circuit's, if it gave one.
    pub(super) fn unavailable(retry_after: Option<Duration>) -> Self {
        Self::Unavailable { retry_after: retry_after.unwrap_or(DEFAULT_RETRY_AFTER) }
    }

    /// Nothing was sent, because a limit of this process is reached.
    pub(super) fn overloaded() -> Self {
        Self::Overloaded { retry_after: OVERLOADED_RETRY_AFTER }
    }

    /// Describes it for the span of the call.
    pub(super) fn as_failure(&self) -> QueryFailure {
        let (kind, is_fault) = match self {
            Self::Unavailable { .. } => ("unavailable", true),
            Self::Overloaded { .. } => ("overloaded", true),
            Self::Failed { .. } => ("failed", true),
            Self::UnknownOutcome { .. } => ("unknown_outcome", true),
            Self::Stopped => ("stopped", true),
            Self::Storage(_) => ("answer", false),
        };
        QueryFailure { kind, is_fault }
    }

    /// The error of an operation that changed nothing.
    pub(super) fn from_storage(
        operation: &'static str,
        kind: ErrorKind,
        error: StorageError,
    ) -> Self {
        match kind {
            ErrorKind::Answer => Self::Storage(error),
            ErrorKind::Conflict
            | ErrorKind::ConnectionLost
            | ErrorKind::ReadOnly
            | ErrorKind::StatementTimeout
            | ErrorKind::LockTimeout => Self::Failed { operation, source: error.into() },
        }
    }
}
