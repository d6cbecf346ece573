//! The rate limit policies and their quotas.

use strum::{AsRefStr, EnumCount, EnumIter, IntoStaticStr};

use crate::rate_limit::sliding_window::Quota;

/// A rate limit, by its name in logs, metrics and the `RateLimit-Policy` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr, EnumCount, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Policy {
    /// Requests from one address.
    General,
    /// Failed log-ins, password changes, registrations and refreshes: from one address, for one
    /// account, and for both.
    Auth,
    /// New API keys of one user.
    ApiKey,
    /// Requests for a password reset, from one address and for one account.
    PasswordReset,
    /// Requests per second from one address, or of one caller that has its own limit.
    Burst,
    /// Lookups of API keys that do not exist, from one address.
    UnknownKey,
    /// Requests of one API key or user, if callers have their own limit.
    Caller,
}

impl Policy {
    /// Returns the variable that sets the quota.
    pub fn variable(self) -> &'static str {
        match self {
            Self::General => "RATE_LIMIT_GENERAL_MAX",
            Self::Auth => "RATE_LIMIT_AUTH_MAX",
            Self::ApiKey => "RATE_LIMIT_API_KEY_MAX",
            Self::PasswordReset => "RATE_LIMIT_PASSWORD_RESET_MAX",
            Self::Burst => "RATE_LIMIT_BURST_PER_SECOND",
            Self::UnknownKey => "RATE_LIMIT_UNKNOWN_KEY_MAX",
            Self::Caller => "RATE_LIMIT_CALLER_MAX",
        }
    }
}

/// The quotas of all policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    pub general: Quota,
    pub auth: Quota,
    pub api_key: Quota,
    pub password_reset: Quota,
    /// Smoothed by GCRA instead of counted in a window.
    pub burst: Quota,
    pub unknown_key: Quota,
    /// None if all requests count by address.
    pub caller: Option<Quota>,
}

/// How many addresses may each use up their own [`Policy::Auth`] quota on one account before the
/// account refuses further addresses that it does not know: it bounds distributed guessing.
const UNKNOWN_ADDRESSES: usize = 50;

impl Quotas {
    /// Returns the quota of failed attempts at one account from all unknown addresses together.
    pub fn auth_account(&self) -> Quota {
        Quota { limit: self.auth.limit.saturating_mul(UNKNOWN_ADDRESSES), ..self.auth }
    }

    /// Returns the quota of a policy.
    pub fn for_policy(&self, policy: Policy) -> Quota {
        match policy {
            Policy::General => self.general,
            Policy::Auth => self.auth,
            Policy::ApiKey => self.api_key,
            Policy::PasswordReset => self.password_reset,
            Policy::Burst => self.burst,
            Policy::UnknownKey => self.unknown_key,
            Policy::Caller => self.caller.unwrap_or(self.general),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::{EnumCount, IntoEnumIterator};

    use super::*;

    fn quota(limit: usize) -> Quota {
        Quota { limit, window: 60_000 }
    }

    fn quotas() -> Quotas {
        Quotas {
            general: quota(1),
            auth: quota(2),
            api_key: quota(3),
            password_reset: quota(4),
            burst: quota(5),
            unknown_key: quota(6),
            caller: Some(quota(7)),
        }
    }

    #[test]
    fn each_policy_has_a_quota_of_its_own() {
        let mut limits: Vec<usize> =
            Policy::iter().map(|policy| quotas().for_policy(policy).limit).collect();
        limits.sort_unstable();
        assert_eq!(limits, [1, 2, 3, 4, 5, 6, 7]);
        let without = Quotas { caller: None, ..quotas() };
        assert_eq!(without.for_policy(Policy::Caller), quotas().general);
    }

    #[test]
    fn each_policy_names_a_variable_of_its_own() {
        let names: std::collections::BTreeSet<_> = Policy::iter().map(Policy::variable).collect();
        assert_eq!(names.len(), Policy::COUNT);
        assert!(names.iter().all(|name| name.starts_with("RATE_LIMIT_")), "{names:?}");
    }

    #[test]
    fn account_refuses_unknown_addresses_after_fifty_times_their_own_quota() {
        assert_eq!(quotas().auth_account(), Quota { limit: 100, ..quotas().auth });
    }
}
