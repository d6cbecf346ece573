//! The API key that a request is about: its name in messages and in the audit log, and which rate
//! limit it may have.

use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::model::api_keys::may_set_rate_limit;
use crate::storage::api_keys::KeyRow;
use crate::storage::audit_events::Target;

/// Turns a 404 into that of an API key, the only thing that these changes look up.
pub(super) fn key_not_found(error: impl Into<ApiError>) -> ApiError {
    match error.into() {
        ApiError::NotFound(_) => ApiError::NoApiKey,
        error => error,
    }
}

pub(super) fn target(row: &KeyRow) -> Target<'_> {
    Target { id: row.key_id, name: &row.name }
}

/// Allows only administrators a rate limit above the limit of all callers.
pub(super) fn check_rate_limit(
    rate_limiter: &RateLimiter,
    caller: &SessionCaller,
    rate_limit: Option<u32>,
) -> Result<(), ApiError> {
    let default = rate_limiter.caller_quota().map(|quota| quota.limit);
    match rate_limit {
        Some(limit) if !may_set_rate_limit(caller.user.role, limit, default) => {
            Err(ApiError::Authorization(
                "Only administrators may set a rate_limit above the limit of all callers",
            ))
        }
        _ => Ok(()),
    }
}
