//! Classifies database errors by what they say about the health of the server. Diesel does not
//! expose the SQLSTATE, so the few messages that matter are matched here and nowhere else.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::failure_cause::FailureCause;
use crate::storage::StorageError;

/// What a call says about the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered, possibly with an error.
    Alive,
    /// It did not answer, or not in time.
    Failure(FailureCause),
    /// Nothing: the caller was dropped, or two transactions conflicted.
    Neutral,
}

/// What kind of error a call ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// An answer of a healthy database.
    Answer,
    /// Two transactions conflicted; running the whole transaction again resolves it.
    Conflict,
    /// The connection broke, or the server shuts down or has no resources.
    ConnectionLost,
    /// The server cancelled the statement after its own timeout.
    StatementTimeout,
    /// The server cancelled the statement, which waited for a lock for too long.
    LockTimeout,
}

/// Messages of a server, database or role whose limit on connections is reached.
const CONNECTION_LIMITS: [&str; 3] =
    ["too many clients", "too many connections", "remaining connection slots are reserved"];

/// Messages of `PostgreSQL` (in English, the usual `lc_messages` of a server) and of the driver.
const MESSAGES: [(&str, ErrorKind); 12] = [
    ("deadlock detected", ErrorKind::Conflict),
    ("canceling statement due to statement timeout", ErrorKind::StatementTimeout),
    ("canceling statement due to lock timeout", ErrorKind::LockTimeout),
    ("canceling statement due to user request", ErrorKind::StatementTimeout),
    ("terminating connection", ErrorKind::ConnectionLost),
    ("the database system is", ErrorKind::ConnectionLost),
    (CONNECTION_LIMITS[0], ErrorKind::ConnectionLost),
    (CONNECTION_LIMITS[1], ErrorKind::ConnectionLost),
    (CONNECTION_LIMITS[2], ErrorKind::ConnectionLost),
    ("connection closed", ErrorKind::ConnectionLost),
    ("error communicating with the server", ErrorKind::ConnectionLost),
    ("could not extend file", ErrorKind::ConnectionLost),
];

/// Classifies an error of a query.
pub(super) fn classify(error: &StorageError) -> ErrorKind {
    let StorageError::Database(error) = error else { return ErrorKind::Answer };
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
            ErrorKind::Conflict
        }
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        | DieselError::BrokenTransactionManager => ErrorKind::ConnectionLost,
        DieselError::DatabaseError(_, information) => {
            let message = information.message();
            MESSAGES
                .iter()
                .find(|(text, _)| message.contains(text))
                .map_or(ErrorKind::Answer, |(_, kind)| *kind)
        }
        _ => ErrorKind::Answer,
    }
}

/// Whether the server refused a connection because of a limit on connections: it is available.
pub(super) fn is_connection_limit(message: &str) -> bool {
    message.contains("SQLSTATE 53300")
        || CONNECTION_LIMITS.iter().any(|text| message.contains(text))
}

/// Whether an error of COMMIT proves that the transaction was rolled back: a violated constraint
/// (they may be deferred) or a conflict. Any other error may have come after the commit.
pub(super) fn proves_rollback(error: &StorageError) -> bool {
    let StorageError::Database(database_error) = error else { return false };
    let is_constraint = matches!(
        database_error,
        DieselError::DatabaseError(
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::RestrictViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ExclusionViolation,
            _
        )
    );
    is_constraint || classify(error) == ErrorKind::Conflict
}

impl ErrorKind {
    /// What this kind of error says about the database.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Answer => Verdict::Alive,
            Self::Conflict => Verdict::Neutral,
            Self::ConnectionLost => Verdict::Failure(FailureCause::Connection),
            Self::StatementTimeout => Verdict::Failure(FailureCause::StatementTimeout),
            Self::LockTimeout => Verdict::Failure(FailureCause::LockTimeout),
        }
    }
}

#[cfg(test)]
mod tests;
