//! Why a storage function did not do what it was called for.
//!
//! `actors::db_breaker` judges what an error says about the health of the database, and
//! `http::error` gives each variant its status code.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::model::violations::Violation;

/// An error of a storage function. Only [`StorageError::Database`] and [`StorageError::Corrupt`]
/// are faults; the others are answers of a healthy database.
///
/// The text is for the log. It has no value that a client sent, except for those that `PostgreSQL`
/// puts into its own messages.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("row not found")]
    NotFound,
    /// Another row has this value already; the name of the field.
    #[error("duplicate value of {0}")]
    Duplicate(&'static str),
    /// Metrics still refer to the business domain.
    #[error("the business domain is in use")]
    InUse,
    /// Other metrics derive from this one: the first of them, and whether there are more.
    #[error("other metrics derive from this one")]
    HasDependents { ids: Vec<String>, has_more: bool },
    /// The input breaks a rule that can only be checked against the stored data.
    #[error("the input has {} violations", .0.len())]
    Invalid(Vec<Violation>),
    /// The row has another version than the caller expects; the present version.
    #[error("version precondition failed: the row has version {0}")]
    Stale(String),
    /// The row has a version that the caller excludes; the present version.
    #[error("version precondition failed: the row exists in version {0}")]
    Excluded(String),
    #[error("a version precondition is required and was not sent")]
    VersionRequired,
    #[error("the item never had this version")]
    UnknownVersion,
    /// The version was replaced before contents were kept.
    #[error("the content of the version was not kept")]
    ContentNotKept,
    /// The version is of an item that was deleted, whose id another item has.
    #[error("the item was created again after this version")]
    CreatedAgain,
    #[error("no other active administrator would remain")]
    LastAdmin,
    #[error("the caller lost its authority: {0}")]
    AuthorityLost(LostAuthority),
    #[error("the API key belongs to another user")]
    NotKeyOwner,
    /// The API key has expired or was revoked, which is final.
    #[error("the API key has ended")]
    KeyEnded,
    #[error("the API key was rotated before")]
    KeyRotated,
    #[error("the owner has the maximum number of live API keys")]
    TooManyKeys,
    #[error("the idempotency key belongs to another request body")]
    IdempotencyMismatch,
    #[error("the first request with this idempotency key is still running")]
    IdempotencyRunning,
    /// A stored value breaks the rules of the model: a fault of the service.
    #[error("{what} in the database breaks the rules")]
    Corrupt {
        what: &'static str,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Any other error of the database or of the connection to it.
    #[error(transparent)]
    Database(DieselError),
}

/// Why a caller that was authenticated is not allowed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostAuthority {
    #[error("the session has ended, or its user is not active")]
    Session,
    #[error("the API key was revoked, or its owner is not active")]
    Key,
    #[error("the API key has expired")]
    ExpiredKey,
    #[error("the role is too small")]
    Role,
    #[error("the scopes of the API key are too small")]
    Scope,
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
    /// Creates an [`StorageError::Invalid`] with one violation.
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::Invalid(vec![Violation::new(field, message)])
    }

    /// Creates a [`StorageError::Corrupt`] without an inner error.
    pub fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what, source: None }
    }

    /// Returns a conversion of an inner error into a [`StorageError::Corrupt`], for `map_err`.
    pub(super) fn corrupt_by<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self::Corrupt { what, source: Some(Box::new(source)) }
    }

    /// Replaces the violation of one constraint by `replacement`; for use right where the row is
    /// written.
    #[must_use]
    pub fn on_constraint(self, constraint: &str, replacement: Self) -> Self {
        let is_violation = |kind: &DatabaseErrorKind| {
            matches!(
                kind,
                DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::RestrictViolation
            )
        };
        match &self {
            Self::Database(DieselError::DatabaseError(kind, information))
                if is_violation(kind) && information.constraint_name() == Some(constraint) =>
            {
                replacement
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn corrupt_value_keeps_its_source() {
        let cause = serde_json::from_str::<i32>("x").unwrap_err();
        let error = StorageError::corrupt_by("a metric")(cause);
        assert_eq!(error.to_string(), "a metric in the database breaks the rules");
        assert!(error.source().unwrap().to_string().starts_with("expected value"));
    }
}
