//! The limits of the service: who takes a hit of what, before the work is done, and whether it is
//! given back afterwards.
//!
//! The general limit lives in memory. The small ones are counted in the database, so that all
//! processes share them and a restart forgets nothing; a memory of one's own hits in front of it
//! turns a flood away without a statement.

pub mod burst;
pub mod charge;
pub mod general;
mod guard;
pub mod headers;
mod password;
mod refusals;
mod unknown_keys;

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};

use self::charge::EndedSessions;
pub use self::guard::{Against, Limiter, pseudonym};
use self::headers::{Label, Report};
use self::password::KnownAddresses;
pub use self::password::failed;
pub use self::refusals::{Refusals, Refused};
pub use self::unknown_keys::Lookup;
use self::unknown_keys::UnknownKeys;
use crate::http::error::ApiError;
use crate::rate_limit::caller_windows::Callers;
use crate::rate_limit::client_ip::Client;
use crate::rate_limit::policy::{Policy, Quotas};
use crate::rate_limit::sliding_window::{Quota, Wait, seconds};
use crate::rate_limit::window_store::Shield;
use crate::telemetry::instruments::limits::LimitInstruments;

/// All limits.
#[derive(Debug)]
pub struct Limits {
    enabled: bool,
    quotas: Quotas,
    general: Shield<Client>,
    label: Label,
    auth: Shield<String>,
    api_key: Shield<String>,
    password_reset: Shield<String>,
    known_addresses: KnownAddresses,
    unknown_keys: UnknownKeys,
    callers: Callers,
    ended_sessions: EndedSessions,
    /// Counts and logs refusals.
    pub refusals: Refusals,
}

impl Limits {
    /// With these quotas.
    pub fn new(enabled: bool, quotas: Quotas, instruments: LimitInstruments) -> Self {
        Self {
            enabled,
            general: Shield::new(quotas.general),
            label: Label::of(Policy::General, quotas.general),
            auth: Shield::new(quotas.auth),
            api_key: Shield::new(quotas.api_key),
            password_reset: Shield::new(quotas.password_reset),
            known_addresses: KnownAddresses::default(),
            unknown_keys: UnknownKeys::new(quotas.unknown_key),
            callers: Callers::default(),
            ended_sessions: EndedSessions::default(),
            quotas,
            refusals: Refusals::new(instruments),
        }
    }

    /// Whether anything is limited.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The quota of a policy.
    pub fn quota(&self, policy: Policy) -> Quota {
        self.quotas.of(policy)
    }

    /// The limit of callers that have no other, if callers have their own.
    pub fn caller_quota(&self) -> Option<Quota> {
        self.quotas.caller
    }

    /// The windows of callers.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// Takes a hit for the lookup of an API key that may not exist.
    ///
    /// # Errors
    /// [`Wait`].
    pub async fn look_up_key(&self, client: Client, now: i64) -> Result<Lookup<'_>, Wait> {
        self.unknown_keys.reserve(client, now).await
    }

    /// What the general limit always says of itself.
    pub fn general_label(&self) -> &Label {
        &self.label
    }

    fn own(&self, policy: Policy) -> Option<&Shield<String>> {
        match policy {
            Policy::Auth => Some(&self.auth),
            Policy::ApiKey => Some(&self.api_key),
            Policy::PasswordReset => Some(&self.password_reset),
            Policy::General | Policy::Burst | Policy::UnknownKey | Policy::Caller => None,
        }
    }
}

/// The error of whoever has no hit left.
pub fn exceeded(policy: Policy, Wait(wait): Wait) -> ApiError {
    let retry_after = Duration::from_secs(u64::try_from(seconds(wait)).unwrap_or(1));
    ApiError::RateLimited { policy, retry_after }
}

/// Adds to what the answer says about limits.
pub fn report(request: &HttpRequest, report: Report) {
    let mut extensions = request.extensions_mut();
    if let Some(reports) = extensions.get_mut::<Vec<Report>>() {
        reports.push(report);
    } else {
        extensions.insert(vec![report]);
    }
}
