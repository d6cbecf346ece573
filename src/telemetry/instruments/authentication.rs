//! Metrics of authentication and API keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{Histogram, IntCounter, IntGauge, Registry};
use strum::IntoEnumIterator;

use super::counters::LabelledCounters;
use super::families::service::SESSION_LOOKUPS;
use super::families::{
    ATTEMPTS, KEYS_CREATED, KEYS_REVOKED, LAST_USED_FLUSHED, LAST_USED_PENDING, LOOKUPS,
    PROPAGATION,
};
pub use super::labels::{AuthMethod, KeyLookupOutcome};
use super::labels::{AuthStatus, CacheOutcome};

/// Instruments of authentication and API keys.
#[derive(Clone, Debug)]
pub struct AuthInstruments {
    lookups: LabelledCounters<KeyLookupOutcome>,
    sessions: LabelledCounters<CacheOutcome>,
    attempts: LabelledCounters<(AuthMethod, AuthStatus)>,
    last_used_pending: IntGauge,
    last_used_flushed: IntGauge,
    propagation: Histogram,
    created: IntCounter,
    revoked: IntCounter,
}

impl AuthInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let attempts = ATTEMPTS.counters(registry)?;
        let pairs = AuthMethod::iter()
            .flat_map(|method| AuthStatus::iter().map(move |status| (method, status)))
            .map(|(method, status)| {
                let labels = [method.as_ref(), status.as_ref()];
                ((method, status), attempts.with_label_values(&labels))
            });
        Ok(Self {
            lookups: LabelledCounters::new(&LOOKUPS.counters(registry)?),
            sessions: LabelledCounters::new(&SESSION_LOOKUPS.counters(registry)?),
            attempts: LabelledCounters::from_pairs(pairs),
            last_used_pending: LAST_USED_PENDING.gauge(registry)?,
            last_used_flushed: LAST_USED_FLUSHED.gauge(registry)?,
            propagation: PROPAGATION.histograms(registry)?.with_label_values::<&str>(&[]),
            created: KEYS_CREATED.counter(registry)?,
            revoked: KEYS_REVOKED.counter(registry)?,
        })
    }

    /// Counts a lookup of an API key.
    pub fn count_key_lookup(&self, outcome: KeyLookupOutcome) {
        self.lookups.increment(outcome);
    }

    /// Counts a lookup of a session.
    pub fn count_session_lookup(&self, outcome: CacheOutcome) {
        self.sessions.increment(outcome);
    }

    /// Counts an attempt to authenticate.
    pub fn count_attempt(&self, method: AuthMethod, success: bool) {
        let status = if success { AuthStatus::Success } else { AuthStatus::Failure };
        self.attempts.increment((method, status));
    }

    /// Sets how many keys have a `last_used_at` that is not yet written.
    pub fn set_last_used_pending(&self, keys: usize) {
        self.last_used_pending.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Sets when `last_used_at` was last flushed, or found to need no flush.
    pub fn set_last_used_flushed(&self, at: DateTime<Utc>) {
        self.last_used_flushed.set(at.timestamp());
    }

    /// Records the time between a change of permissions in the database and its effect here.
    pub fn observe_propagation(&self, took: Duration) {
        self.propagation.observe(took.as_secs_f64());
    }

    /// Counts a new key.
    pub fn count_created_key(&self) {
        self.created.inc();
    }

    /// Counts revoked keys.
    pub fn count_revoked_keys(&self, count: usize) {
        self.revoked.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
