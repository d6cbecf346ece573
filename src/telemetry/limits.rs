//! What Prometheus reads of rate limits.

use prometheus::{IntCounterVec, Opts, Registry};

/// The names of all limits, so that each exists at 0 from the start.
const POLICIES: [&str; 5] = ["general", "auth", "api_key", "password_reset", "burst"];

/// The instruments of limits.
#[derive(Clone, Debug)]
pub struct LimitInstruments {
    rejections: IntCounterVec,
}

impl LimitInstruments {
    /// New ones, in this registry.
    ///
    /// # Errors
    /// When they are in it already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = Opts::new("rate_limit_rejections_total", "Requests that a rate limit has refused");
        let rejections = IntCounterVec::new(options, &["policy"])?;
        registry.register(Box::new(rejections.clone()))?;
        for policy in POLICIES {
            rejections.with_label_values(&[policy]);
        }
        Ok(Self { rejections })
    }

    /// A request was refused by this limit.
    pub fn rejected(&self, policy: &str) {
        self.rejections.with_label_values(&[policy]).inc();
    }
}
