//! What Prometheus reads of authentication and API keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use super::families::{
    ATTEMPTS, KEYS_CREATED, KEYS_REVOKED, LAST_USED_PENDING, LAST_USED_WRITTEN, LOOKUPS,
    PROPAGATION,
};

/// How a credential was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Hit,
    /// The database was asked.
    Miss,
    /// Remembered to be unknown.
    Negative,
    /// No key at all.
    Malformed,
}

/// What is authenticated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// User name and password.
    Login,
    ApiKey,
    /// A refresh token.
    Refresh,
    /// An access token.
    Jwt,
}

/// The instruments of authentication. Each counter is resolved once: requests only add.
#[derive(Clone, Debug)]
pub struct Authentication {
    lookups: [IntCounter; 4],
    attempts: [[IntCounter; 2]; 4],
    last_used_pending: IntGauge,
    last_used_written: IntGauge,
    propagation: Histogram,
    created: IntCounter,
    revoked: IntCounter,
}

impl Authentication {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let lookups = LOOKUPS.counters(registry)?;
        let attempts = ATTEMPTS.counters(registry)?;
        let both = |method| {
            ["success", "failure"].map(|status| attempts.with_label_values(&[method, status]))
        };
        Ok(Self {
            lookups: ["hit", "miss", "negative", "malformed"]
                .map(|outcome| lookups.with_label_values(&[outcome])),
            attempts: ["login", "api_key", "refresh", "jwt"].map(both),
            last_used_pending: LAST_USED_PENDING.gauges(registry)?.with_label_values::<&str>(&[]),
            last_used_written: LAST_USED_WRITTEN.gauges(registry)?.with_label_values::<&str>(&[]),
            propagation: PROPAGATION.histograms(registry)?.with_label_values::<&str>(&[]),
            created: KEYS_CREATED.counters(registry)?.with_label_values::<&str>(&[]),
            revoked: KEYS_REVOKED.counters(registry)?.with_label_values::<&str>(&[]),
        })
    }

    /// A key was looked for.
    pub fn lookup(&self, outcome: Lookup) {
        if let Some(counter) = self.lookups.get(outcome as usize) {
            counter.inc();
        }
    }

    /// A credential was judged.
    pub fn attempt(&self, method: Method, success: bool) {
        if let Some(counter) =
            self.attempts.get(method as usize).and_then(|pair| pair.get(usize::from(!success)))
        {
            counter.inc();
        }
    }

    /// So many keys wait for their last use to be written.
    pub fn last_used_pending(&self, keys: usize) {
        self.last_used_pending.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Last uses were written at this instant, or there was none to write.
    pub fn last_used_written(&self, at: DateTime<Utc>) {
        self.last_used_written.set(at.timestamp());
    }

    /// A change of authority took so long to arrive.
    pub fn propagated(&self, took: Duration) {
        self.propagation.observe(took.as_secs_f64());
    }

    /// A key was made.
    pub fn key_created(&self) {
        self.created.inc();
    }

    /// Keys were revoked.
    pub fn keys_revoked(&self, count: usize) {
        self.revoked.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
