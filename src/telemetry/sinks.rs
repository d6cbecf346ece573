//! Where log events end up, and what became of them there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the events of one sink. At any time `enqueued = shipped + dropped + rejected +
/// buffered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed over by the logger.
    pub enqueued: u64,
    /// Taken by the sink.
    pub shipped: u64,
    /// Given up: there was no room, or no time at the end.
    pub dropped: u64,
    /// Refused by the sink, for good.
    pub rejected: u64,
    /// On their way.
    pub buffered: u64,
}

/// Somebody who knows what became of the events of a sink.
pub trait Counted: Send + Sync {
    /// All of it, at one instant.
    fn counts(&self) -> Counts;
}

/// All sinks, by name.
#[derive(Clone, Default)]
pub struct Sinks(Vec<(&'static str, Arc<dyn Counted>)>);

impl std::fmt::Debug for Sinks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.counts()).finish()
    }
}

impl Sinks {
    pub(super) fn add(&mut self, name: &'static str, sink: Arc<dyn Counted>) {
        self.0.push((name, sink));
    }

    /// What became of all events, by sink.
    pub fn counts(&self) -> Vec<(&'static str, Counts)> {
        self.0.iter().map(|(name, sink)| (*name, sink.counts())).collect()
    }
}

/// Counts of a sink without a lock; sound while each event goes from enqueued to one end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) shipped: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) enqueued: AtomicU64,
}

impl Counted for Tally {
    fn counts(&self) -> Counts {
        // The ends first: what is read of them was enqueued before.
        let (shipped, dropped) =
            (self.shipped.load(Ordering::Acquire), self.dropped.load(Ordering::Acquire));
        let enqueued = self.enqueued.load(Ordering::Acquire);
        let buffered = enqueued.saturating_sub(shipped).saturating_sub(dropped);
        Counts { enqueued, shipped, dropped, rejected: 0, buffered }
    }
}
