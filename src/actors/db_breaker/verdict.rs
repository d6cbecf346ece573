//! Classifies database errors by what they say about the health of the server. The driver of the
//! connection records the SQLSTATE of each error, which diesel does not expose; messages are never
//! read, because they are in the language of the server.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio_postgres::error::SqlState;

use super::failure_cause::FailureCause;
use crate::postgres::server_error::RecentErrors;
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
    /// The server does not accept writes: another one is the primary now.
    ReadOnly,
    /// The server cancelled the statement after its own timeout.
    StatementTimeout,
    /// The server cancelled the statement, which waited for a lock for too long.
    LockTimeout,
}

/// Classes and codes (`PostgreSQL` documentation, appendix A) that are no answer of a healthy
/// database. The first entry that is a prefix of the SQLSTATE decides.
const STATES: [(&str, ErrorKind); 14] = [
    // connection exceptions; also what PgBouncer reports
    ("08", ErrorKind::ConnectionLost),
    ("25006", ErrorKind::ReadOnly),
    // the session was idle in a transaction for too long, or the transaction took too long
    ("25P03", ErrorKind::ConnectionLost),
    ("25P04", ErrorKind::ConnectionLost),
    // the login was refused, or the database does not exist: a pooler reports it as late as this
    ("28", ErrorKind::ConnectionLost),
    ("3D000", ErrorKind::ConnectionLost),
    // whether the statement was completed is not known
    ("40003", ErrorKind::ConnectionLost),
    // a serialisation failure, a deadlock
    ("40", ErrorKind::Conflict),
    // a limit of the configuration, such as temp_file_limit: another statement stays below it
    ("53400", ErrorKind::Answer),
    // no disk space, memory or connections left
    ("53", ErrorKind::ConnectionLost),
    ("55P03", ErrorKind::LockTimeout),
    ("57014", ErrorKind::StatementTimeout),
    // the server shuts down, crashed or starts, or the database was dropped
    ("57P", ErrorKind::ConnectionLost),
    // errors outside PostgreSQL: input and output
    ("58", ErrorKind::ConnectionLost),
];

/// Classifies an error of a query; `errors` are those of its connection.
pub(super) fn classify(error: &StorageError, errors: &RecentErrors) -> ErrorKind {
    let StorageError::Database(error) = error else { return ErrorKind::Answer };
    match error {
        // Without a SQLSTATE: an error of the driver.
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | DieselError::BrokenTransactionManager => ErrorKind::ConnectionLost,
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
            ErrorKind::Conflict
        }
        DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => {
            ErrorKind::ReadOnly
        }
        DieselError::DatabaseError(_, information) => match errors.find(information.message()) {
            Some(error) => kind_of(&error.state, error.is_fatal),
            None => ErrorKind::Answer,
        },
        _ => ErrorKind::Answer,
    }
}

/// Classifies an SQLSTATE. After a fatal error the server has closed the connection.
fn kind_of(state: &SqlState, is_fatal: bool) -> ErrorKind {
    let found = STATES.iter().find(|(prefix, _)| state.code().starts_with(prefix));
    match found {
        None | Some((_, ErrorKind::Answer)) if is_fatal => ErrorKind::ConnectionLost,
        Some((_, kind)) => *kind,
        None => ErrorKind::Answer,
    }
}

/// SQLSTATEs with which deferred constraints and triggers, which run at COMMIT, end a transaction:
/// constraints, read-only, conflicts, no resources, locks, a cancelled statement.
const ROLLED_BACK: [&str; 6] = ["23", "25006", "40", "53", "55", "57014"];
/// The exception: whether the statement was completed is not known.
const COMPLETION_UNKNOWN: &str = "40003";

/// Whether an error of COMMIT proves that the transaction was rolled back: a violated constraint, a
/// conflict, or another error after which the server keeps the connection. Any other error may have
/// come after the commit.
pub(super) fn proves_rollback(error: &StorageError, errors: &RecentErrors) -> bool {
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
    is_constraint
        || classify(error, errors) == ErrorKind::Conflict
        || errors_prove_rollback(database_error, errors)
}

fn errors_prove_rollback(error: &DieselError, errors: &RecentErrors) -> bool {
    let DieselError::DatabaseError(_, information) = error else { return false };
    errors.find(information.message()).is_some_and(|found| {
        let state = found.state.code();
        let is_listed = ROLLED_BACK.iter().any(|prefix| state.starts_with(prefix));
        !found.is_fatal && is_listed && state != COMPLETION_UNKNOWN
    })
}

impl ErrorKind {
    /// What this kind of error says about the database.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Answer => Verdict::Alive,
            Self::Conflict => Verdict::Neutral,
            Self::ConnectionLost | Self::ReadOnly => Verdict::Failure(FailureCause::Connection),
            Self::StatementTimeout => Verdict::Failure(FailureCause::StatementTimeout),
            Self::LockTimeout => Verdict::Failure(FailureCause::LockTimeout),
        }
    }

    /// Whether the connection is of no more use.
    pub(super) fn ends_connection(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::ReadOnly)
    }
}

#[cfg(test)]
mod tests;
