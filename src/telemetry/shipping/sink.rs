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
    /// No answer in time.
    Late,
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

/// An error and what caused it, as they show themselves to people: what programmers are shown may
/// hold addresses.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    short(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// Others' words, but not for ever.
pub(super) fn short(text: String) -> String {
    if text.chars().count() <= 500 { text } else { text.chars().take(500).collect() }
}
