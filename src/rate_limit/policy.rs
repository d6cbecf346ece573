//! What is limited.

use strum::{AsRefStr, EnumCount, EnumIter, IntoStaticStr};

use crate::rate_limit::sliding_window::Quota;

/// A limit, by the name that logs, metrics and `RateLimit-Policy` have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, IntoStaticStr, EnumCount, EnumIter)]
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
    /// Requests a second from one address, or of one caller that has its own limit.
    Burst,
    /// Lookups of API keys that do not exist, from one address.
    UnknownKey,
    /// Requests of one API key or user, if callers have their own limit.
    Caller,
}

/// All quotas that are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// [`Policy::General`].
    pub general: Quota,
    /// [`Policy::Auth`].
    pub auth: Quota,
    /// [`Policy::ApiKey`].
    pub api_key: Quota,
    /// [`Policy::PasswordReset`].
    pub password_reset: Quota,
    /// [`Policy::Burst`]; smoothed rather than counted.
    pub burst: Quota,
    /// [`Policy::UnknownKey`].
    pub unknown_key: Quota,
    /// [`Policy::Caller`]; none if all requests count by address.
    pub caller: Option<Quota>,
}

/// How many addresses may each use up their own [`Policy::Auth`] quota on one account before the
/// account refuses further addresses that it does not know: it bounds a distributed guess.
const STRANGERS: usize = 50;

impl Quotas {
    /// Failed attempts at one account from all addresses that it does not know, together.
    pub fn auth_account(&self) -> Quota {
        Quota { most: self.auth.most.saturating_mul(STRANGERS), window: self.auth.window }
    }

    /// That of a policy.
    pub fn of(&self, policy: Policy) -> Quota {
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
