//! The conversions of the errors below HTTP into [`ApiError`]. Which status a variant has is in
//! [`super`].

use std::time::Duration;

use super::version_conflict::VersionConflict;
use super::{ApiError, NOT_FOUND, ROLE, SCOPE, UNAVAILABLE};
use crate::actors::api_key_cache::{KeyError, KeyLookupError};
use crate::actors::db_breaker::DbError;
use crate::bulkhead::BulkheadError;
use crate::model::api_keys::MAX_ACTIVE_KEYS;
use crate::storage::StorageError;
use crate::storage::error::LostAuthority;
use crate::telemetry::error_chain;

/// Retry time where no circuit gives one.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Retry time of a full bulkhead, whose work takes about that long.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Storage(error) => error.into(),
            DbError::Stopped => Self::Internal { cause: error_chain(&error) },
            DbError::Unavailable { retry_after } => {
                Self::Unavailable { message: UNAVAILABLE, retry_after, cause: None }
            }
            DbError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            DbError::Failed { .. } => Self::Unavailable {
                message: UNAVAILABLE,
                retry_after: RETRY_AFTER,
                cause: Some(error_chain(&error)),
            },
            DbError::UnknownOutcome { .. } => Self::OutcomeUnknown { cause: error_chain(&error) },
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound(NOT_FOUND.into()),
            StorageError::Duplicate(field) => Self::Conflict(format!("This {field} is taken")),
            StorageError::InUse => {
                Self::Conflict("Metrics still refer to this business domain".into())
            }
            StorageError::HasDependents { ids, has_more } => {
                let more = if has_more { " and others" } else { "" };
                Self::Conflict(format!(
                    "Metrics derive from this one: {}{more}; delete it all the same with \
                     ?force=true",
                    ids.join(", ")
                ))
            }
            StorageError::Invalid(violations) => Self::Validation(violations),
            StorageError::Stale(current) => {
                Self::PreconditionFailed(VersionConflict::new(current, false))
            }
            StorageError::Excluded(current) => {
                Self::PreconditionFailed(VersionConflict::new(current, true))
            }
            StorageError::VersionRequired => Self::PreconditionRequired,
            StorageError::UnknownVersion => Self::NotFound("Version not found".into()),
            StorageError::ContentNotKept => Self::NotFound(
                "The content of this version was not kept: it was replaced before versions were \
                 kept"
                    .into(),
            ),
            StorageError::CreatedAgain => Self::Conflict(
                "The id was created again after this version was deleted; delete the present item \
                 first"
                    .into(),
            ),
            StorageError::LastAdmin => {
                Self::Conflict("The last active administrator must remain".into())
            }
            StorageError::AuthorityLost(why) => why.into(),
            StorageError::NotKeyOwner => Self::ForeignApiKey,
            StorageError::KeyEnded => {
                Self::Conflict("The API key has expired or was revoked".into())
            }
            StorageError::KeyRotated => Self::Conflict("The API key was rotated before".into()),
            StorageError::TooManyKeys => Self::Conflict(format!(
                "A user may have at most {MAX_ACTIVE_KEYS} live API keys; revoke one"
            )),
            StorageError::IdempotencyMismatch => Self::IdempotencyMismatch,
            StorageError::IdempotencyRunning => Self::Conflict(
                "The first request with this Idempotency-Key is still running".into(),
            ),
            StorageError::Corrupt { .. } | StorageError::Database(_) => {
                Self::Internal { cause: error_chain(&error) }
            }
        }
    }
}

impl From<LostAuthority> for ApiError {
    fn from(why: LostAuthority) -> Self {
        match why {
            LostAuthority::Session => Self::InvalidToken,
            LostAuthority::Key => Self::InvalidApiKey,
            LostAuthority::ExpiredKey => Self::ExpiredApiKey,
            LostAuthority::Role => ROLE,
            LostAuthority::Scope => SCOPE,
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Invalid => Self::InvalidApiKey,
            KeyError::Expired => Self::ExpiredApiKey,
            KeyError::Lookup(KeyLookupError::Unavailable { retry_after, source }) => {
                let cause = source.map(|source| error_chain(source.as_ref()));
                Self::Unavailable { message: UNAVAILABLE, retry_after, cause }
            }
            KeyError::Lookup(KeyLookupError::Overloaded { retry_after }) => {
                Self::Overloaded { retry_after }
            }
            KeyError::Lookup(error) => Self::Internal { cause: error_chain(&error) },
        }
    }
}

impl From<BulkheadError> for ApiError {
    fn from(error: BulkheadError) -> Self {
        match error {
            BulkheadError::Full => Self::Overloaded { retry_after: BUSY_RETRY_AFTER },
            BulkheadError::Failed => {
                Self::Internal { cause: "work behind a bulkhead failed".into() }
            }
        }
    }
}
