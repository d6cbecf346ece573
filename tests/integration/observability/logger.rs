//! A logger whose events go to sinks, and whose shippers log to the test.

use std::time::{Duration, Instant};

use mdl::config::ShippingConfig;
use mdl::telemetry::shipping::buffer::Capacity;
use mdl::telemetry::shipping::{SHUTDOWN_TIMEOUT, Shipping, ShippingTimes};
use mdl::telemetry::sinks::{SinkCounts, Sinks};
use slog::{Drain, Duplicate, Logger, o};

use crate::observability::faults::{Faults, SinkFault};
use crate::support::logs::Captured;

/// Shorter than the defaults, so that tests take less time.
pub const FAST: ShippingTimes = ShippingTimes {
    gather: Duration::from_millis(50),
    response: Duration::from_secs(2),
    first_retry: Duration::from_millis(20),
    last_retry: Duration::from_millis(200),
    shutdown: SHUTDOWN_TIMEOUT,
};

pub struct Shipped {
    pub logger: Logger,
    /// Log events of the shippers themselves.
    pub shipper_log: Captured,
    pub sinks: Sinks,
    shipping: Option<Shipping>,
}

/// Parses these options of the command line.
pub fn config(options: &[&str]) -> ShippingConfig {
    crate::support::options::parse(["mdl"].iter().chain(options)).shipping
}

impl Shipped {
    pub fn start(options: &[&str], capacity: Capacity) -> Self {
        Self::with_times(options, capacity, FAST)
    }

    pub fn with_times(options: &[&str], capacity: Capacity, pace: ShippingTimes) -> Self {
        let mut shipping = Shipping::prepare(&config(options), capacity, pace).unwrap();
        let (mut sinks, shipper_log) = (Sinks::default(), Captured::default());
        let logger = Logger::root(shipping.drain(&mut sinks).fuse(), o!());
        let both = Duplicate::new(logger.clone(), shipper_log.logger()).ignore_res();
        shipping.start(&Logger::root(both, o!())).unwrap();
        Self { logger, shipper_log, sinks, shipping: Some(shipping) }
    }

    pub fn counts(&self) -> SinkCounts {
        self.sinks.counts()[0].1
    }

    /// Waits until nothing is buffered; fails if nothing changes for a minute.
    pub async fn wait_until_shipped(&self) {
        let (mut last, mut moved) = (self.counts(), Instant::now());
        while last.buffered > 0 {
            assert!(
                moved.elapsed() < Duration::from_mins(1),
                "{last:?} {}",
                self.shipper_log.text()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.counts();
            if now != last {
                (last, moved) = (now, Instant::now());
            }
        }
    }

    /// Logs five hundred lines during each of these faults and lets the sink recover after each.
    /// Returns the number of lines.
    pub async fn log_through(&self, faults: &Faults, faults_to_try: &[SinkFault]) -> u64 {
        let mut logged = 0;
        for fault in faults_to_try {
            faults.set(*fault);
            for _ in 0..500 {
                slog::info!(self.logger, "{fault:?}"; "number" => logged);
                logged += 1;
            }
            faults.wait_for_request(*fault).await;
            assert_balanced(self.counts());
            faults.set(SinkFault::None);
            self.wait_until_shipped().await;
        }
        let counts = self.counts();
        assert_eq!(
            (counts.shipped, counts.dropped, counts.rejected),
            (logged, 0, 0),
            "{}",
            self.shipper_log.text()
        );
        logged
    }

    /// Shuts shipping down as the process does, and returns how long that took.
    pub async fn close(&mut self) -> Duration {
        let began = Instant::now();
        let shipping = self.shipping.take();
        tokio::task::spawn_blocking(move || drop(shipping)).await.unwrap();
        began.elapsed()
    }
}

/// `enqueued = shipped + dropped + rejected + buffered`.
#[track_caller]
pub fn assert_balanced(counts: SinkCounts) {
    assert_eq!(
        counts.enqueued,
        counts.shipped + counts.dropped + counts.rejected + counts.buffered,
        "{counts:?}"
    );
}
