//! Errors on their last floor: the only place that knows status codes.
//!
//! Errors rise `StorageError → DbError → ApiError` and are converted once at each floor. Which goes
//! where:
//!
//! | what happened | variant | status, code |
//! | --- | --- | --- |
//! | body, query or path breaks a rule | [`ApiError::Validation`] | 400 `VALIDATION_ERROR`, with the fields |
//! | no or bad credentials | [`ApiError::Authentication`] | 401 `AUTHENTICATION_ERROR` |
//! | a bearer token that is invalid, or of a session that has ended | [`ApiError::InvalidToken`] | 401 `AUTHENTICATION_ERROR`, `invalid_token` |
//! | an access token past its expiry | [`ApiError::ExpiredToken`] | 401 `TOKEN_EXPIRED`, `invalid_token` |
//! | an API key that is unknown, malformed or revoked | [`ApiError::InvalidApiKey`] | 401 `INVALID_API_KEY` |
//! | an API key whose time is over | [`ApiError::ExpiredApiKey`] | 401 `API_KEY_EXPIRED` |
//! | `current_password` is wrong | [`ApiError::WrongPassword`] | 403 `WRONG_PASSWORD` |
//! | known, but may not | [`ApiError::Authorization`] | 403 `AUTHORIZATION_ERROR` |
//! | another user's API key | [`ApiError::ForeignApiKey`] | 403 `FORBIDDEN` |
//! | no such thing, no such route | [`ApiError::NotFound`] | 404 `NOT_FOUND` |
//! | no such API key, or revoked already | [`ApiError::NoApiKey`] | 404 `API_KEY_NOT_FOUND` |
//! | a route, but not with this method | [`ApiError::MethodNotAllowed`] | 405 `METHOD_NOT_ALLOWED`, `Allow` |
//! | duplicate, in use, still running | [`ApiError::Conflict`] | 409 `CONFLICT` |
//! | `If-Match` names another version | [`ApiError::PreconditionFailed`] | 412 `PRECONDITION_FAILED`, `ETag` |
//! | a body that did not arrive in time | [`ApiError::RequestTimeout`] | 408 `REQUEST_TIMEOUT`, `Connection: close` |
//! | over the limit, wrong type | [`ApiError::PayloadTooLarge`], [`ApiError::UnsupportedMediaType`] | 413, 415 |
//! | idempotency key of another body | [`ApiError::IdempotencyMismatch`] | 422 `IDEMPOTENCY_MISMATCH` |
//! | too many requests | [`ApiError::RateLimited`] | 429 `RATE_LIMIT_EXCEEDED`, `AUTH_RATE_LIMIT_EXCEEDED`, `Retry-After` |
//! | `If-Match` is missing | [`ApiError::PreconditionRequired`] | 428 `PRECONDITION_REQUIRED` |
//! | our bug | [`ApiError::Internal`] | 500 `INTERNAL_ERROR`; the cause is logged, never told |
//! | the database is away, slow or full | [`ApiError::Unavailable`] | 503 `DATABASE_ERROR`, `Retry-After` |

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

use crate::actors::api_key_cache::{Refusal, Unanswered};
use crate::actors::db_breaker::DbError;
use crate::bulkhead::BulkheadError;
use crate::model::api_keys::MAX_LIVE;
use crate::model::violations::{MAX_SHOWN, Violation};
use crate::rate_limit::policy::Policy;
use crate::storage::StorageError;
use crate::storage::authority::Lost;

const UNAVAILABLE: &str = "Database temporarily unavailable. Please try again later.";

/// The caller's role is too small.
pub(in crate::http) const ROLE: ApiError = ApiError::Authorization("Your role does not allow this");
/// The API key's scopes are too small.
pub(in crate::http) const SCOPE: ApiError =
    ApiError::Authorization("The scopes of the API key do not allow this");

/// What a client is told when something does not work.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // the table above
pub enum ApiError {
    Validation(Vec<Violation>),
    Authentication(&'static str),
    InvalidToken,
    ExpiredToken,
    InvalidApiKey,
    ExpiredApiKey,
    WrongPassword,
    Authorization(&'static str),
    ForeignApiKey,
    NotFound(&'static str),
    NoApiKey,
    MethodNotAllowed { allow: String },
    Conflict(String),
    PreconditionFailed { etag: String },
    RequestTimeout,
    PayloadTooLarge { message: String },
    UnsupportedMediaType(&'static str),
    IdempotencyMismatch,
    PreconditionRequired,
    RateLimited { policy: Policy, retry_after: Duration },
    Internal { cause: String },
    Unavailable { message: &'static str, retry_after: Duration, cause: Option<String> },
}

impl ApiError {
    /// One broken rule.
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::Validation(vec![Violation::new(field, message)])
    }

    /// A body of more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let size = match limit {
            _ if limit.is_multiple_of(1024 * 1024) => format!("{} MiB", limit / (1024 * 1024)),
            _ if limit.is_multiple_of(1024) => format!("{} KiB", limit / 1024),
            _ => format!("{limit} bytes"),
        };
        Self::PayloadTooLarge { message: format!("The body is larger than {size}") }
    }

    /// The service has not prepared its database yet.
    pub fn starting() -> Self {
        Self::Unavailable { message: UNAVAILABLE, retry_after: Duration::from_secs(1), cause: None }
    }

    /// The machine's word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) => "VALIDATION_ERROR",
            Self::Authentication(_) | Self::InvalidToken => "AUTHENTICATION_ERROR",
            Self::ExpiredToken => "TOKEN_EXPIRED",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::ExpiredApiKey => "API_KEY_EXPIRED",
            Self::WrongPassword => "WRONG_PASSWORD",
            Self::ForeignApiKey => "FORBIDDEN",
            Self::NoApiKey => "API_KEY_NOT_FOUND",
            Self::Authorization(_) => "AUTHORIZATION_ERROR",
            Self::NotFound(_) => "NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::Conflict(_) => "CONFLICT",
            Self::PreconditionFailed { .. } => "PRECONDITION_FAILED",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::PayloadTooLarge { .. } => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType(_) => "UNSUPPORTED_MEDIA_TYPE",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::PreconditionRequired => "PRECONDITION_REQUIRED",
            Self::RateLimited { policy: Policy::Auth, .. } => "AUTH_RATE_LIMIT_EXCEEDED",
            Self::RateLimited { .. } => "RATE_LIMIT_EXCEEDED",
            Self::Internal { .. } => "INTERNAL_ERROR",
            Self::Unavailable { .. } => "DATABASE_ERROR",
        }
    }

    /// The person's words for it. Never a cause, never a value of the client's.
    pub fn message(&self) -> &str {
        match self {
            Self::Validation(_) => "The request is not valid",
            Self::Authentication(message)
            | Self::Authorization(message)
            | Self::NotFound(message)
            | Self::UnsupportedMediaType(message)
            | Self::Unavailable { message, .. } => message,
            Self::InvalidToken => "The access token is invalid",
            Self::ExpiredToken => "The access token has expired; refresh it and try again",
            Self::InvalidApiKey => "Invalid API key",
            Self::ExpiredApiKey => "The API key has expired",
            Self::WrongPassword => "The current password is wrong",
            Self::ForeignApiKey => "Cannot revoke API key belonging to another user",
            Self::NoApiKey => "There is no such API key, or it was revoked",
            Self::MethodNotAllowed { .. } => "This route does not answer to this method",
            Self::Conflict(message) | Self::PayloadTooLarge { message } => message,
            Self::PreconditionFailed { .. } => "Someone else has changed it; read it again",
            Self::RequestTimeout => "The body did not arrive in time",
            Self::IdempotencyMismatch => "This Idempotency-Key was used with another body",
            Self::PreconditionRequired => {
                "A change must name the version that it changes in If-Match"
            }
            Self::RateLimited { policy: Policy::Auth, .. } => {
                "Too many failed attempts. Please try again later."
            }
            Self::RateLimited { .. } => "Too many requests. Please try again later.",
            Self::Internal { .. } => "Something went wrong on our side",
        }
    }

    /// What is wrong, field by field; at most [`MAX_SHOWN`].
    pub fn details(&self) -> &[Violation] {
        match self {
            Self::Validation(violations) => violations.get(..MAX_SHOWN).unwrap_or(violations),
            _ => &[],
        }
    }

    /// How many violations there are beyond those of `details`.
    pub fn details_omitted(&self) -> usize {
        match self {
            Self::Validation(violations) => violations.len().saturating_sub(MAX_SHOWN),
            _ => 0,
        }
    }

    /// When to try again: whole seconds, at least one.
    pub fn retry_after(&self) -> Option<u32> {
        let (Self::Unavailable { retry_after, .. } | Self::RateLimited { retry_after, .. }) = self
        else {
            return None;
        };
        let seconds =
            retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
        Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }

    /// What the log should know and the client should not.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal { cause } => Some(cause),
            Self::Unavailable { cause, .. } => cause.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Validation(_) => StatusCode::BAD_REQUEST,
            Self::Authentication(_)
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::InvalidApiKey
            | Self::ExpiredApiKey => StatusCode::UNAUTHORIZED,
            Self::Authorization(_) | Self::ForeignApiKey | Self::WrongPassword => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound(_) | Self::NoApiKey => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Status and headers; `middleware::frame`, which knows the request, writes the body.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        let (name, value) = match self {
            Self::Authentication(_) | Self::InvalidApiKey | Self::ExpiredApiKey => {
                (WWW_AUTHENTICATE, "Bearer".to_owned())
            }
            // RFC 6750, 3.1: get a new one and try again.
            Self::InvalidToken | Self::ExpiredToken => {
                (WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"".to_owned())
            }
            Self::MethodNotAllowed { allow } => (ALLOW, allow.clone()),
            Self::PreconditionFailed { etag } => (ETAG, etag.clone()),
            Self::Unavailable { .. } | Self::RateLimited { .. } => {
                (RETRY_AFTER, self.retry_after().unwrap_or(1).to_string())
            }
            _ => return response,
        };
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let again = Duration::from_secs(1);
        match error {
            DbError::Storage(error) => error.into(),
            DbError::Stopped => {
                Self::Internal { cause: "the database circuit breaker has stopped".into() }
            }
            DbError::Unavailable { retry_after } => {
                Self::Unavailable { message: UNAVAILABLE, retry_after, cause: None }
            }
            DbError::Failed { cause } => {
                Self::Unavailable { message: UNAVAILABLE, retry_after: again, cause: Some(cause) }
            }
            DbError::UnknownOutcome { cause } => Self::Unavailable {
                message: "The database did not confirm the change; look whether it was made before you repeat it.",
                retry_after: again,
                cause: Some(cause),
            },
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound("There is no such thing"),
            StorageError::Duplicate(field) => Self::Conflict(format!("This {field} is taken")),
            StorageError::InUse => {
                Self::Conflict("Metrics still refer to this business domain".into())
            }
            StorageError::Invalid(violations) => Self::Validation(violations),
            StorageError::Stale(version) => {
                Self::PreconditionFailed { etag: format!("\"{version}\"") }
            }
            StorageError::VersionRequired => Self::PreconditionRequired,
            StorageError::LastAdmin => {
                Self::Conflict("The last active administrator must remain".into())
            }
            StorageError::AuthorityLost(why) => match why {
                Lost::Session => Self::InvalidToken,
                Lost::Key => Self::InvalidApiKey,
                Lost::ExpiredKey => Self::ExpiredApiKey,
                Lost::Role => ROLE,
                Lost::Scope => SCOPE,
            },
            StorageError::Foreign => Self::ForeignApiKey,
            StorageError::KeyEnded => {
                Self::Conflict("The API key has expired or was revoked".into())
            }
            StorageError::KeyRotated => Self::Conflict("The API key was rotated before".into()),
            StorageError::TooManyKeys => {
                Self::Conflict(format!("{MAX_LIVE} live API keys are the most; revoke one"))
            }
            StorageError::IdempotencyMismatch => Self::IdempotencyMismatch,
            StorageError::IdempotencyRunning => Self::Conflict(
                "The first request with this Idempotency-Key is still running".into(),
            ),
            StorageError::Corrupt(what) => {
                Self::Internal { cause: format!("{what} in the database breaks the rules") }
            }
            StorageError::Database(error) => Self::Internal { cause: error.to_string() },
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid => Self::InvalidApiKey,
            Refusal::Expired => Self::ExpiredApiKey,
            Refusal::Unanswered(Unanswered::Away { retry_after, cause }) => {
                Self::Unavailable { message: UNAVAILABLE, retry_after, cause }
            }
            Refusal::Unanswered(Unanswered::Fault { cause }) => Self::Internal { cause },
        }
    }
}

impl From<BulkheadError> for ApiError {
    fn from(error: BulkheadError) -> Self {
        match error {
            BulkheadError::Full => Self::Unavailable {
                message: "Too many ask for this at once. Please try again later.",
                retry_after: Duration::from_secs(2),
                cause: None,
            },
            BulkheadError::Failed => {
                Self::Internal { cause: "work behind a bulkhead failed".into() }
            }
        }
    }
}
