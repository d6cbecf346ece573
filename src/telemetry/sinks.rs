//! The destinations of log events, and how many events each has received, shipped and lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Events of one sink since the process started. At any time
/// `enqueued = shipped + dropped + rejected + buffered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    pub enqueued: u64,
    pub shipped: u64,
    /// Lost because a buffer was full, or because the time for shutdown was over.
    pub dropped: u64,
    /// Refused by the sink, and not retried.
    pub rejected: u64,
    pub buffered: u64,
}

/// A buffer or writer that counts the events of its sink.
pub trait SinkCounter: Send + Sync {
    /// Returns a consistent snapshot.
    fn counts(&self) -> SinkCounts;
}

/// All sinks by name, for the metrics of log events.
#[derive(Clone, Default)]
pub struct Sinks(Vec<(&'static str, Arc<dyn SinkCounter>)>);

impl std::fmt::Debug for Sinks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.counts()).finish()
    }
}

impl Sinks {
    pub(super) fn add(&mut self, name: &'static str, sink: Arc<dyn SinkCounter>) {
        self.0.push((name, sink));
    }

    /// Returns the counts of each sink.
    pub fn counts(&self) -> Vec<(&'static str, SinkCounts)> {
        self.0.iter().map(|(name, sink)| (*name, sink.counts())).collect()
    }
}

/// Counts of a sink without a lock. They are consistent as long as each event is enqueued before it
/// is shipped or dropped.
#[derive(Debug, Default)]
pub(super) struct AtomicCounts {
    pub(super) shipped: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) enqueued: AtomicU64,
}

impl SinkCounter for AtomicCounts {
    fn counts(&self) -> SinkCounts {
        // `enqueued` is read last: what was shipped or dropped has been enqueued before.
        let (shipped, dropped) =
            (self.shipped.load(Ordering::Acquire), self.dropped.load(Ordering::Acquire));
        let enqueued = self.enqueued.load(Ordering::Acquire);
        let buffered = enqueued.saturating_sub(shipped).saturating_sub(dropped);
        SinkCounts { enqueued, shipped, dropped, rejected: 0, buffered }
    }
}
