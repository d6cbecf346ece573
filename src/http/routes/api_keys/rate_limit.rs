//! Who may set which `rate_limit` of an API key.

use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::model::api_keys::may_set_rate_limit;

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
