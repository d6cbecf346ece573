//! The errors of the API, and the only place that knows status codes.
//!
//! Errors rise `StorageError → DbError → ApiError` and are converted once at each floor
//! (`convert`). A variant has one status and one code, and its message is what the client reads:
//! never an inner cause, never a value that the client sent. Causes are logged where the response
//! is rendered (`middleware::access_log`).
//!
//! | status, code | variant | when |
//! | --- | --- | --- |
//! | 400 `VALIDATION_ERROR` | `Validation` | body, query, path or header breaks a rule |
//! | 400 `VALIDATION_ERROR` | `Unparsable` | request is not valid HTTP |
//! | 401 `AUTHENTICATION_ERROR` | `Authentication` | no credential, or a wrong password |
//! | 401 `AUTHENTICATION_ERROR` | `InvalidToken` | token is invalid, or its session has ended |
//! | 401 `TOKEN_EXPIRED` | `ExpiredToken` | access token is past its expiry |
//! | 401 `INVALID_API_KEY` | `InvalidApiKey` | API key is unknown, malformed or revoked |
//! | 401 `API_KEY_EXPIRED` | `ExpiredApiKey` | API key is past its expiry |
//! | 403 `WRONG_PASSWORD` | `WrongPassword` | `current_password` is wrong |
//! | 403 `AUTHORIZATION_ERROR` | `Authorization` | role or scopes do not allow the request |
//! | 403 `FORBIDDEN` | `ForeignApiKey` | API key belongs to another user |
//! | 404 `NOT_FOUND` | `NotFound` | resource or route does not exist |
//! | 404 `API_KEY_NOT_FOUND` | `NoApiKey` | API key does not exist, or was revoked before |
//! | 405 `METHOD_NOT_ALLOWED` | `MethodNotAllowed` | route exists with other methods (`Allow`) |
//! | 408 `REQUEST_TIMEOUT` | `RequestTimeout`, `HeadTimeout` | body or head is late |
//! | 409 `CONFLICT` | `Conflict` | duplicate, in use, or still running |
//! | 412 `PRECONDITION_FAILED` | `PreconditionFailed` | another version (`ETag`) than named |
//! | 413 `PAYLOAD_TOO_LARGE` | `PayloadTooLarge` | body is over its limit |
//! | 415 `UNSUPPORTED_MEDIA_TYPE` | `UnsupportedMediaType` | body has another media type |
//! | 415 `UNSUPPORTED_MEDIA_TYPE` | `UnsupportedPatch` | patch has another one (`Accept-Patch`) |
//! | 422 `IDEMPOTENCY_MISMATCH` | `IdempotencyMismatch` | idempotency key of another request |
//! | 428 `PRECONDITION_REQUIRED` | `PreconditionRequired` | `If-Match` is missing |
//! | 429 `AUTH_RATE_LIMIT_EXCEEDED` | `RateLimited` | too many failed attempts (`Retry-After`) |
//! | 429 `RATE_LIMIT_EXCEEDED` | `RateLimited` | too many requests (`Retry-After`) |
//! | 431 `REQUEST_HEADER_FIELDS_TOO_LARGE` | `HeadTooLarge` | head is over its limit |
//! | 500 `INTERNAL_ERROR` | `Internal` | fault of the service |
//! | 503 `DATABASE_ERROR` | `Unavailable` | database unavailable or too slow (`Retry-After`) |
//! | 503 `OVERLOADED` | `Overloaded` | a limit of the service is reached (`Retry-After`) |
//! | 504 `OUTCOME_UNKNOWN` | `OutcomeUnknown` | write was sent, its outcome is not known |

mod convert;
pub(in crate::http) mod not_done;
mod parser;
mod rate_limited;
pub(in crate::http) mod version_conflict;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, ETAG, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use thiserror::Error;

use self::version_conflict::VersionConflict;
use super::request::entity_tags::etag;
use crate::model::violations::{MAX_SHOWN, Violation};
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Quota;

/// The media type of merge patches (RFC 7396).
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media types of the patches that a route accepts (RFC 5789, section 3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// The message of a 404 that does not name what was not found.
pub(super) const NOT_FOUND: &str = "Not found";
const UNAVAILABLE: &str = "Database temporarily unavailable. Please try again later.";

/// The error of a caller whose role does not allow the request.
pub(crate) const ROLE: ApiError = ApiError::Authorization("Your role does not allow this");
/// The error of a caller whose API key has too few scopes.
pub(crate) const SCOPE: ApiError =
    ApiError::Authorization("The scopes of the API key do not allow this");

/// An error of the API. Its text is the message for the client.
#[derive(Clone, Debug, Error)]
pub enum ApiError {
    #[error("The request is not valid")]
    Validation(Vec<Violation>),
    #[error("The request is not valid HTTP")]
    Unparsable,
    #[error("{0}")]
    Authentication(&'static str),
    #[error("The access token is invalid")]
    InvalidToken,
    #[error("The access token has expired; refresh it and try again")]
    ExpiredToken,
    #[error("Invalid API key")]
    InvalidApiKey,
    #[error("The API key has expired")]
    ExpiredApiKey,
    #[error("The current password is wrong")]
    WrongPassword,
    #[error("{0}")]
    Authorization(&'static str),
    #[error("Cannot revoke API key belonging to another user")]
    ForeignApiKey,
    #[error("{0}")]
    NotFound(String),
    #[error("API key not found")]
    NoApiKey,
    #[error("The route does not support this method; see Allow")]
    MethodNotAllowed { allow: String, accept_patch: Option<String> },
    #[error("{0}")]
    Conflict(String),
    #[error("{}", .0.message())]
    PreconditionFailed(Box<VersionConflict>),
    #[error("The body did not arrive in time")]
    RequestTimeout,
    #[error("The head of the request did not arrive in time")]
    HeadTimeout,
    #[error("The head of the request is larger than 128 KiB")]
    HeadTooLarge,
    #[error("{message}")]
    PayloadTooLarge { message: String },
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    #[error("The body must be application/merge-patch+json")]
    UnsupportedPatch,
    #[error("This Idempotency-Key was used with another request")]
    IdempotencyMismatch,
    #[error("Send the version that you change in If-Match")]
    PreconditionRequired,
    #[error("{}", rate_limited::message(*.policy, *.quota, *.retry_after))]
    RateLimited { policy: Policy, quota: Quota, retry_after: Duration },
    #[error("Internal server error")]
    Internal { cause: String },
    #[error("{message}")]
    Unavailable { message: &'static str, retry_after: Duration, cause: Option<String> },
    #[error("The service is busy. Please try again later.")]
    Overloaded { retry_after: Duration },
    #[error(
        "The database did not confirm the change. Check whether it was made before you repeat \
         it, or repeat it with the same Idempotency-Key."
    )]
    OutcomeUnknown { cause: String },
}

impl ApiError {
    /// Makes an error with one violation.
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::Validation(vec![Violation::new(field, message)])
    }

    /// Makes the error of a body of more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let size = match limit {
            _ if limit.is_multiple_of(1024 * 1024) => format!("{} MiB", limit / (1024 * 1024)),
            _ if limit.is_multiple_of(1024) => format!("{} KiB", limit / 1024),
            _ => format!("{limit} bytes"),
        };
        Self::PayloadTooLarge { message: format!("The body is larger than {size}") }
    }

    /// Makes the error of a service that has not prepared its database yet.
    pub fn starting() -> Self {
        Self::Unavailable { message: UNAVAILABLE, retry_after: Duration::from_secs(1), cause: None }
    }

    /// Returns the message for the client. Errors that certainly changed nothing end with
    /// `not_done`, which is what the request was to do.
    pub fn message(&self, not_done: Option<&str>) -> String {
        match (self, not_done) {
            (Self::Unavailable { .. } | Self::Overloaded { .. }, Some(not_done)) => {
                format!("{self} {not_done}")
            }
            _ => self.to_string(),
        }
    }

    /// Returns the code, which clients may compare.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) | Self::Unparsable => "VALIDATION_ERROR",
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
            Self::PreconditionFailed(_) => "PRECONDITION_FAILED",
            Self::RequestTimeout | Self::HeadTimeout => "REQUEST_TIMEOUT",
            Self::HeadTooLarge => "REQUEST_HEADER_FIELDS_TOO_LARGE",
            Self::PayloadTooLarge { .. } => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType(_) | Self::UnsupportedPatch => "UNSUPPORTED_MEDIA_TYPE",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::PreconditionRequired => "PRECONDITION_REQUIRED",
            Self::RateLimited { policy: Policy::Auth, .. } => "AUTH_RATE_LIMIT_EXCEEDED",
            Self::RateLimited { .. } => "RATE_LIMIT_EXCEEDED",
            Self::Internal { .. } => "INTERNAL_ERROR",
            Self::Unavailable { .. } => "DATABASE_ERROR",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::OutcomeUnknown { .. } => "OUTCOME_UNKNOWN",
        }
    }

    /// Returns the violations, at most [`MAX_SHOWN`].
    pub fn details(&self) -> &[Violation] {
        match self {
            Self::Validation(violations) => violations.get(..MAX_SHOWN).unwrap_or(violations),
            _ => &[],
        }
    }

    /// Returns how many violations there are beyond those of `details`.
    pub fn details_omitted(&self) -> usize {
        match self {
            Self::Validation(violations) => violations.len().saturating_sub(MAX_SHOWN),
            _ => 0,
        }
    }

    /// Returns the time after which the client may try again, in seconds, rounded up, at least 1.
    pub fn retry_after(&self) -> Option<u32> {
        let (Self::Unavailable { retry_after, .. }
        | Self::Overloaded { retry_after }
        | Self::RateLimited { retry_after, .. }) = self
        else {
            return None;
        };
        let seconds =
            retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
        Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }

    /// Returns the cause, for the log only.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal { cause } | Self::OutcomeUnknown { cause } => Some(cause),
            Self::Unavailable { cause, .. } => cause.as_deref(),
            _ => None,
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Validation(_) | Self::Unparsable => StatusCode::BAD_REQUEST,
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
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::RequestTimeout | Self::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) | Self::UnsupportedPatch => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable { .. } | Self::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::OutcomeUnknown { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Makes status and headers; `middleware::access_log`, which knows the request, adds the body.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        if let Self::MethodNotAllowed { accept_patch: Some(types), .. } = self
            && let Ok(types) = HeaderValue::from_str(types)
        {
            response.headers_mut().insert(ACCEPT_PATCH, types);
        }
        let (name, value) = match self {
            Self::Authentication(_) | Self::InvalidApiKey | Self::ExpiredApiKey => {
                (WWW_AUTHENTICATE, "Bearer".to_owned())
            }
            // RFC 6750, 3.1: the client may get a new token and try again.
            Self::InvalidToken | Self::ExpiredToken => {
                (WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"".to_owned())
            }
            Self::MethodNotAllowed { allow, .. } => (ALLOW, allow.clone()),
            Self::UnsupportedPatch => (ACCEPT_PATCH, MERGE_PATCH.to_owned()),
            Self::PreconditionFailed(conflict) => (ETAG, etag(&conflict.current)),
            Self::Unavailable { .. } | Self::Overloaded { .. } | Self::RateLimited { .. } => {
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
