//! What an answer of the database says about its health. Diesel shows no SQLSTATE, so the few texts
//! that matter are matched here and nowhere else.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::storage::StorageError;

/// What a call says about the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered, be it with a refusal.
    Alive,
    /// It did not, or not in time.
    Failure,
    /// Nothing: the caller went away, or two transactions met.
    Neutral,
}

/// What an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An answer of a healthy database.
    Answer,
    /// Two transactions met; the whole transaction again is the cure.
    Retry,
    /// The way to the database broke, or it is going down.
    Broken,
    /// The server gave up on the statement: too slow.
    TooSlow,
}

/// Texts of `PostgreSQL` (English, as `lc_messages` of a server usually is) and of the driver.
const TEXTS: [(&str, Kind); 12] = [
    ("deadlock detected", Kind::Retry),
    ("canceling statement due to statement timeout", Kind::TooSlow),
    ("canceling statement due to lock timeout", Kind::TooSlow),
    ("canceling statement due to user request", Kind::TooSlow),
    ("terminating connection", Kind::Broken),
    ("the database system is", Kind::Broken),
    ("too many clients", Kind::Broken),
    ("too many connections", Kind::Broken),
    ("remaining connection slots are reserved", Kind::Broken),
    ("connection closed", Kind::Broken),
    ("error communicating with the server", Kind::Broken),
    ("could not extend file", Kind::Broken),
];

/// What an error of storage is.
pub(super) fn kind(error: &StorageError) -> Kind {
    let StorageError::Database(error) = error else { return Kind::Answer };
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Kind::Retry,
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        | DieselError::BrokenTransactionManager => Kind::Broken,
        DieselError::DatabaseError(_, information) => {
            let message = information.message();
            TEXTS
                .iter()
                .find(|(text, _)| message.contains(text))
                .map_or(Kind::Answer, |(_, kind)| *kind)
        }
        _ => Kind::Answer,
    }
}

impl Kind {
    /// What it says about the database.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Answer => Verdict::Alive,
            Self::Retry => Verdict::Neutral,
            Self::Broken | Self::TooSlow => Verdict::Failure,
        }
    }
}

#[cfg(test)]
mod tests;
