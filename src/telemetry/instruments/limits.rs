//! What Prometheus reads of rate limits.

use prometheus::{IntCounterVec, Registry};

use super::families::REJECTIONS;

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
        Ok(Self { rejections: REJECTIONS.counters(registry)? })
    }

    /// A request was refused by this limit.
    pub fn rejected(&self, policy: &str) {
        self.rejections.with_label_values(&[policy]).inc();
    }
}
