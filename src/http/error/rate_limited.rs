//! The message of a request that a rate limit refused: which limit, how long to wait, its quota and
//! window, and the variable that an operator would set.

use std::time::Duration;

use crate::rate_limit::duration_text::{wait_text, window_text};
use crate::rate_limit::policy::Policy;
use crate::rate_limit::sliding_window::Quota;

/// Returns the message of a 429.
pub(super) fn message(policy: Policy, quota: Quota, retry_after: Duration) -> String {
    let what = match policy {
        Policy::General => "Too many requests from this address",
        Policy::Auth => "Too many failed attempts",
        Policy::ApiKey => "Too many new API keys",
        Policy::PasswordReset => "Too many password reset requests",
        Policy::Burst => "Too many requests at once",
        Policy::UnknownKey => "Too many unknown API keys from this address",
        Policy::Caller => "Too many requests of this user or API key",
    };
    // A key may have a quota of its own.
    let key = if policy == Policy::Caller { " or the key's rate_limit" } else { "" };
    let (wait, window) = (wait_text(retry_after), window_text(quota.window));
    let (limit, variable) = (quota.limit, policy.variable());
    format!("{what}. Try again in {wait}. (limit: {limit} per {window}, {variable}{key})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_limit_wait_quota_and_variable() {
        let quota = Quota { limit: 5, window: 900_000 };
        assert_eq!(
            message(Policy::Auth, quota, Duration::from_secs(690)),
            "Too many failed attempts. Try again in 12 minutes. (limit: 5 per 15 minutes, \
             RATE_LIMIT_AUTH_MAX)"
        );
        let quota = Quota { limit: 50, window: 1000 };
        assert_eq!(
            message(Policy::Burst, quota, Duration::from_millis(20)),
            "Too many requests at once. Try again in 1 second. (limit: 50 per second, \
             RATE_LIMIT_BURST_PER_SECOND)"
        );
    }
}
