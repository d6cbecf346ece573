//! What storage answers when it cannot do what it was asked.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::authority::Lost;
use crate::model::violations::Violation;

/// Why a storage function did not do what it was asked. Only [`StorageError::Database`] is a fault;
/// the others are answers of a healthy database.
#[derive(Debug)]
pub enum StorageError {
    /// There is no such row.
    NotFound,
    /// Another row has this value already; the field's name.
    Duplicate(&'static str),
    /// The metric that refers to this does not let it go.
    InUse,
    /// The input breaks a rule that only the stored data can tell.
    Invalid(Vec<Violation>),
    /// The row has another version than the caller thinks; this one.
    Stale(String),
    /// No version was named, and one is required.
    VersionRequired,
    /// It would leave no administrator.
    LastAdmin,
    /// The caller may not do it any more.
    AuthorityLost(Lost),
    /// The API key belongs to another user.
    Foreign,
    /// The API key has ended and is not revived.
    KeyEnded,
    /// The API key was replaced before.
    KeyRotated,
    /// The owner has as many live API keys as it may have.
    TooManyKeys,
    /// The idempotency key belongs to another request body.
    IdempotencyMismatch,
    /// The first request with this idempotency key is still running.
    IdempotencyRunning,
    /// What is stored cannot be understood; a fault of ours.
    Corrupt(&'static str),
    /// Anything else that the database or the way to it says.
    Database(DieselError),
}

/// For the log; no value of a client's is in it but what `PostgreSQL` puts into its messages.
impl std::fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => write!(formatter, "{error}"),
            other => write!(formatter, "{other:?}"),
        }
    }
}

impl From<DieselError> for StorageError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            other => Self::Database(other),
        }
    }
}

impl StorageError {
    /// What is wrong with one field of the input, as only the stored data can tell.
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::Invalid(vec![Violation::new(field, message)])
    }

    /// Makes an answer of a constraint's refusal; for use right where the row is written.
    #[must_use]
    pub fn on_constraint(self, constraint: &str, answer: Self) -> Self {
        let refused = |kind: &DatabaseErrorKind| {
            matches!(
                kind,
                DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::RestrictViolation
            )
        };
        match &self {
            Self::Database(DieselError::DatabaseError(kind, information))
                if refused(kind) && information.constraint_name() == Some(constraint) =>
            {
                answer
            }
            _ => self,
        }
    }
}
