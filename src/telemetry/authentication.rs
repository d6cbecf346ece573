//! What Prometheus reads of authentication and API keys.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// How a credential was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Remembered.
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
    /// `X-API-Key`.
    ApiKey,
    /// A refresh token.
    Refresh,
    /// An access token.
    Jwt,
}

const LOOKUPS: [&str; 4] = ["hit", "miss", "negative", "malformed"];
const METHODS: [&str; 4] = ["login", "api_key", "refresh", "jwt"];

/// The instruments of authentication. Each counter is resolved once: requests only add.
#[derive(Clone, Debug)]
pub struct Authentication {
    lookups: [IntCounter; 4],
    attempts: [[IntCounter; 2]; 4],
    last_used_pending: IntGauge,
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
        let vector = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let lookups = vector("api_key_cache_lookups_total", "API keys that were looked for", &["outcome"])?;
        let attempts = vector("auth_attempts_total", "Credentials that were judged", &["method", "status"])?;
        let pending = IntGauge::new("api_key_last_used_pending", "API keys whose last use is to be written")?;
        registry.register(Box::new(pending.clone()))?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let help = "From a change of authority in the database to its effect here";
        let options = HistogramOpts::new("api_key_revocation_propagation_seconds", help).buckets(buckets);
        let propagation = Histogram::with_opts(options)?;
        registry.register(Box::new(propagation.clone()))?;
        Ok(Self {
            lookups: LOOKUPS.map(|outcome| lookups.with_label_values(&[outcome])),
            attempts: METHODS
                .map(|method| ["success", "failure"].map(|status| attempts.with_label_values(&[method, status]))),
            last_used_pending: pending,
            propagation,
            created: counter("api_keys_created_total", "API keys that were made, by rotation included")?,
            revoked: counter("api_keys_revoked_total", "API keys that were revoked")?,
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
        if let Some(counter) = self.attempts.get(method as usize).and_then(|pair| pair.get(usize::from(!success))) {
            counter.inc();
        }
    }

    /// So many keys wait for their last use to be written.
    pub fn last_used_pending(&self, keys: usize) {
        self.last_used_pending.set(i64::try_from(keys).unwrap_or(i64::MAX));
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
