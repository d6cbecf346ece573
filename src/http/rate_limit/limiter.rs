//! The state of all exact rate limits of this process. The general and the caller limit live in
//! memory only. The three small ones are counted in the database (`guard`); their windows here
//! count this process's hits, so that a flood is refused without a statement.

use super::ended_sessions::EndedSessionCache;
use super::full_buckets::FullBuckets;
use super::headers::PolicyLabel;
use super::known_addresses::KnownAddressCache;
use super::refusals::RefusalLog;
use super::unknown_keys::{LookupReservation, UnknownKeys};
use crate::rate_limit::caller_windows::CallerWindows;
use crate::rate_limit::client_ip::ClientPrefix;
use crate::rate_limit::policy::{Policy, Quotas};
use crate::rate_limit::sliding_window::{Quota, Wait};
use crate::rate_limit::window_store::WindowStore;
use crate::telemetry::instruments::limits::RateLimitInstruments;

/// Lookups of accounts for an address that has no hit left: one in 10 s.
const EXHAUSTED_ADDRESS_LOOKUPS: Quota = Quota { limit: 1, window: 10_000 };

/// All exact rate limits.
#[derive(Debug)]
pub struct RateLimiter {
    pub(super) enabled: bool,
    pub(super) quotas: Quotas,
    pub(super) general: WindowStore<ClientPrefix>,
    general_label: PolicyLabel,
    auth: WindowStore<String>,
    api_key: WindowStore<String>,
    password_reset: WindowStore<String>,
    pub(super) full_buckets: FullBuckets,
    pub(super) known_addresses: KnownAddressCache,
    /// Budget of account lookups for addresses that have no hit left, see `password`.
    pub(super) exhausted_address_lookups: WindowStore<ClientPrefix>,
    unknown_keys: UnknownKeys,
    pub(super) callers: CallerWindows,
    pub(super) ended_sessions: EndedSessionCache,
    pub refusals: RefusalLog,
}

impl RateLimiter {
    /// Makes empty windows with these quotas.
    pub fn new(enabled: bool, quotas: Quotas, instruments: RateLimitInstruments) -> Self {
        Self {
            enabled,
            general: WindowStore::new(quotas.general),
            general_label: PolicyLabel::new(Policy::General, quotas.general),
            auth: WindowStore::new(quotas.auth),
            api_key: WindowStore::new(quotas.api_key),
            password_reset: WindowStore::new(quotas.password_reset),
            full_buckets: FullBuckets::default(),
            known_addresses: KnownAddressCache::default(),
            exhausted_address_lookups: WindowStore::new(EXHAUSTED_ADDRESS_LOOKUPS),
            unknown_keys: UnknownKeys::new(quotas.unknown_key),
            callers: CallerWindows::default(),
            ended_sessions: EndedSessionCache::default(),
            quotas,
            refusals: RefusalLog::new(instruments),
        }
    }

    /// Whether rate limits are enabled.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Returns the quota of a policy.
    pub fn quota(&self, policy: Policy) -> Quota {
        self.quotas.for_policy(policy)
    }

    /// Returns the caller limit; none if all requests count by address.
    pub fn caller_quota(&self) -> Option<Quota> {
        self.quotas.caller
    }

    /// Returns the windows of the caller limit.
    pub fn callers(&self) -> &CallerWindows {
        &self.callers
    }

    /// Takes a hit for the lookup of an API key that may not exist.
    ///
    /// # Errors
    /// [`Wait`] if the address has none left.
    pub async fn reserve_key_lookup(
        &self,
        client: ClientPrefix,
        now: i64,
    ) -> Result<LookupReservation<'_>, Wait> {
        self.unknown_keys.reserve(client, now).await
    }

    /// Returns the constant headers of the general limit.
    pub(super) fn general_label(&self) -> &PolicyLabel {
        &self.general_label
    }

    /// Returns this process's windows of a policy that is counted in the database.
    pub(super) fn local_windows(&self, policy: Policy) -> Option<&WindowStore<String>> {
        match policy {
            Policy::Auth => Some(&self.auth),
            Policy::ApiKey => Some(&self.api_key),
            Policy::PasswordReset => Some(&self.password_reset),
            Policy::General | Policy::Burst | Policy::UnknownKey | Policy::Caller => None,
        }
    }
}
