//! What a place that takes log events must be able to do.

use std::time::Duration;

use super::buffer::{Event, Limits};

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there.
    Shipped,
    /// It will never be taken, and why.
    Rejected(String),
    /// It may be taken another time, and why not now.
    // CloudWatch Logs knows no such thing.
    #[cfg_attr(not(feature = "elasticsearch"), allow(dead_code))]
    Again(String),
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Each event's own fate, in order.
    Each(Vec<Fate>),
    /// All of it another time, at the earliest after so long, and why.
    Again(Option<Duration>, String),
    /// Not like this, and why: something in it, or its size.
    Refused(String),
}

/// A place that takes log events.
pub(super) trait Sink {
    /// What it takes at once.
    const LIMITS: Limits;

    /// Sends a batch. May be dropped in the middle.
    async fn send(&mut self, batch: &[Event]) -> Verdict;
}
