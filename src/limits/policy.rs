//! What is limited.

use strum::{AsRefStr, EnumCount, EnumIter};

use super::window::Quota;

/// A limit, by the name that logs, metrics and `RateLimit-Policy` have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumCount, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Policy {
    /// Requests from one address.
    General,
    /// Failed log-ins, registrations and refreshes, from one address and for one account.
    Auth,
    /// New API keys of one user.
    ApiKey,
    /// Requests for a password reset, from one address and for one account.
    PasswordReset,
    /// Requests a second from one address.
    Burst,
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
}

impl Quotas {
    /// That of a policy.
    pub fn of(&self, policy: Policy) -> Quota {
        match policy {
            Policy::General => self.general,
            Policy::Auth => self.auth,
            Policy::ApiKey => self.api_key,
            Policy::PasswordReset => self.password_reset,
            Policy::Burst => self.burst,
        }
    }
}
