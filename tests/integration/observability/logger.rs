//! A logger whose events go to sinks, and to the test.

use std::time::{Duration, Instant};

use mdl::config::ShippingConfig;
use mdl::telemetry::shipping::buffer::Capacity;
use mdl::telemetry::shipping::{LAST_WORDS, Pace, Shipping};
use mdl::telemetry::sinks::{Counts, Sinks};
use slog::{Drain, Duplicate, Logger, o};

use crate::observability::faults::{Faults, Mood};
use crate::support::logs::Captured;

/// Quick, so that a test need not wait for what a person may wait for.
pub const PACE: Pace = Pace {
    gather: Duration::from_millis(50),
    answer: Duration::from_secs(2),
    first_retry: Duration::from_millis(20),
    last_retry: Duration::from_millis(200),
    last_words: LAST_WORDS,
};

pub struct Shipped {
    pub logger: Logger,
    /// What the shippers themselves had to say.
    pub complaints: Captured,
    pub sinks: Sinks,
    shipping: Option<Shipping>,
}

/// The configuration that these options make.
pub fn config(options: &[&str]) -> ShippingConfig {
    crate::support::options::parse(["mdl"].iter().chain(options)).shipping
}

impl Shipped {
    pub fn start(options: &[&str], capacity: Capacity) -> Self {
        Self::paced(options, capacity, PACE)
    }

    pub fn paced(options: &[&str], capacity: Capacity, pace: Pace) -> Self {
        let mut shipping = Shipping::prepare(&config(options), capacity, pace).unwrap();
        let (mut sinks, complaints) = (Sinks::default(), Captured::default());
        let logger = Logger::root(shipping.drain(&mut sinks).fuse(), o!());
        let both = Duplicate::new(logger.clone(), complaints.logger()).ignore_res();
        shipping.start(&Logger::root(both, o!())).unwrap();
        Self { logger, complaints, sinks, shipping: Some(shipping) }
    }

    pub fn counts(&self) -> Counts {
        self.sinks.counts()[0].1
    }

    /// Waits until nothing is on its way any more, for as long as anything moves.
    pub async fn calm(&self) {
        let (mut last, mut moved) = (self.counts(), Instant::now());
        while last.buffered > 0 {
            assert!(
                moved.elapsed() < Duration::from_mins(1),
                "{last:?} {}",
                self.complaints.text()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.counts();
            if now != last {
                (last, moved) = (now, Instant::now());
            }
        }
    }

    /// Logs five hundred lines in each of these moods, and lets the sink recover after each; how
    /// many lines that were.
    pub async fn endures(&self, faults: &Faults, moods: &[Mood]) -> u64 {
        let mut logged = 0;
        for mood in moods {
            faults.set(*mood);
            for _ in 0..500 {
                slog::info!(self.logger, "{mood:?}"; "number" => logged);
                logged += 1;
            }
            faults.met(*mood).await;
            lawful(self.counts());
            faults.set(Mood::Fair);
            self.calm().await;
        }
        let counts = self.counts();
        assert_eq!(
            (counts.shipped, counts.dropped, counts.rejected),
            (logged, 0, 0),
            "{}",
            self.complaints.text()
        );
        logged
    }

    /// Ends it as the process would; says how long that took.
    pub async fn close(&mut self) -> Duration {
        let began = Instant::now();
        let shipping = self.shipping.take();
        tokio::task::spawn_blocking(move || drop(shipping)).await.unwrap();
        began.elapsed()
    }
}

/// `enqueued = shipped + dropped + rejected + buffered`.
#[track_caller]
pub fn lawful(counts: Counts) {
    assert_eq!(
        counts.enqueued,
        counts.shipped + counts.dropped + counts.rejected + counts.buffered,
        "{counts:?}"
    );
}
