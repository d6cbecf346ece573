//! The interface of a sink: what `shipper` needs to know about CloudWatch Logs or Elasticsearch.

use std::time::Duration;

use super::buffer::{BatchLimits, BufferedEvent};

/// Longest text of a foreign error in a log event, in characters.
const ERROR_LENGTH: usize = 500;

/// The result of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EventDelivery {
    Shipped,
    /// Refused for good, and why.
    Rejected(String),
    /// Not accepted now, and why.
    // CloudWatch Logs has no such answer.
    #[cfg_attr(not(feature = "elasticsearch"), allow(dead_code))]
    Retry(String),
}

/// The result of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// One result for each event, in order.
    PerEvent(Vec<EventDelivery>),
    /// Nothing was accepted; retry the batch, not before this time, and why.
    Retry(Option<Duration>, String),
    TimedOut,
    /// The sink refused the batch for an event in it or for its size, and why.
    Refused(String),
}

/// A service that accepts log events.
pub(super) trait Sink {
    const LIMITS: BatchLimits;

    /// Sends a batch. The future may be dropped before it ends.
    async fn send(&mut self, batch: &[BufferedEvent]) -> Delivery;
}

/// Returns an error with its sources, shortened. `Display` is used, not `Debug`, which may contain
/// addresses.
pub(super) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    shorten(crate::telemetry::error_chain(error))
}

/// Shortens a text of a sink to [`ERROR_LENGTH`].
pub(super) fn shorten(text: String) -> String {
    if text.chars().count() <= ERROR_LENGTH {
        text
    } else {
        text.chars().take(ERROR_LENGTH).collect()
    }
}
