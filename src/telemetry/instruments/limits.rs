//! Metrics of rate limits.

use prometheus::{IntCounterVec, Registry};

use super::counters::sum;
use super::families::REJECTIONS;

/// Instruments of rate limits.
#[derive(Clone, Debug)]
pub struct RateLimitInstruments {
    rejections: IntCounterVec,
}

impl RateLimitInstruments {
    /// Creates the instruments in this registry.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self { rejections: REJECTIONS.counters(registry)? })
    }

    /// Counts a request that this policy rejected.
    pub fn count_rejection(&self, policy: &str) {
        self.rejections.with_label_values(&[policy]).inc();
    }

    /// Returns how many requests all policies rejected.
    pub fn rejections(&self) -> u64 {
        sum(&self.rejections)
    }
}
