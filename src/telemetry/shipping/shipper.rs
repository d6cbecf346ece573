//! Empties a [`buffer`](super::buffer) into its sink, on a thread with a runtime of its own, so
//! that it shares nothing with requests. Events keep their order: a batch is finished before the
//! next is started. Retries, back-off and the search for a single bad event are here; requests and
//! responses of a sink are in `cloudwatch` and `elasticsearch`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use rand::Rng;
use slog::Logger;
use tokio::sync::watch;
use tokio::time::Instant;

use super::buffer::{Buffer, BufferedEvent};
use super::sink::{Delivery, EventDelivery, Sink};
use crate::telemetry::sinks::SinkCounter;

/// Default of [`ShippingTimes::shutdown`].
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeouts and delays of a shipper.
#[derive(Clone, Copy, Debug)]
pub struct ShippingTimes {
    /// Longest wait for a batch to fill.
    pub gather: Duration,
    /// Timeout of one request to the sink.
    pub response: Duration,
    /// Upper bound of the delay after a first failure; it doubles with each further one.
    pub first_retry: Duration,
    /// Upper bound of any delay after a failure.
    pub last_retry: Duration,
    /// Longest time to ship the rest of the buffer at shutdown.
    pub shutdown: Duration,
}

impl Default for ShippingTimes {
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(1),
            response: Duration::from_secs(10),
            first_retry: Duration::from_millis(200),
            last_retry: Duration::from_secs(30),
            shutdown: SHUTDOWN_TIMEOUT,
        }
    }
}

/// Longest delay that a sink may ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);
/// A batch of at most this many events is not split after a timeout.
const MIN_SPLIT: usize = 64;
/// Longest delay between retries during shutdown.
const SHUTDOWN_RETRY: Duration = Duration::from_millis(250);

/// Ships the events of one buffer.
pub(super) struct Shipper {
    pub(super) name: &'static str,
    pub(super) buffer: Arc<Buffer>,
    pub(super) times: ShippingTimes,
    /// Deadline of the shutdown, once it has started.
    pub(super) closing: watch::Receiver<Option<Instant>>,
    pub(super) logger: Logger,
    pub(super) consecutive_failures: u32,
}

/// What is known of a batch while it is being delivered.
#[derive(Default)]
struct DeliveryProgress {
    rejected: Vec<BufferedEvent>,
    suspects: Vec<BufferedEvent>,
    cause: String,
    any_accepted: bool,
}

impl Shipper {
    /// Ships to the sink that `make` creates, until the shutdown deadline. The rest is dropped.
    pub(super) async fn run<S: Sink>(mut self, make: impl Future<Output = S>) {
        let mut closing = self.closing.clone();
        let expired = async move {
            // If the sender is gone, the deadline has passed.
            if let Ok(Some(until)) = closing.wait_for(Option::is_some).await.map(|until| *until) {
                tokio::time::sleep_until(until).await;
            }
        };
        let ship = async { self.ship(make.await).await };
        tokio::select! {
            () = ship => {}
            () = expired => {}
        }
        let left = self.buffer.close();
        if left > 0 {
            slog::error!(self.logger, "log events not shipped: no time left";
                "sink" => self.name, "events" => left);
        }
    }

    async fn ship<S: Sink>(&mut self, mut sink: S) {
        // Events refused while the sink accepted no others are sent again, because the sink itself
        // may be at fault.
        let (mut suspects, mut sink_accepts) = (Vec::new(), false);
        loop {
            let closing = self.is_closing();
            if !closing && suspects.is_empty() {
                self.gather().await;
            }
            if !suspects.is_empty() {
                suspects = self.deliver(&mut sink, suspects, sink_accepts).await.0;
            }
            let more = if suspects.len() < S::LIMITS.events {
                self.buffer.take(Utc::now())
            } else {
                Vec::new()
            };
            if more.is_empty() && closing {
                return;
            }
            let (refused, any_accepted) = self.deliver(&mut sink, more, false).await;
            suspects.extend(refused);
            sink_accepts = any_accepted;
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.borrow().is_some()
    }

    async fn gather(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(self.times.gather) => {}
            () = self.buffer.wait_for_batch() => {}
            _ = self.closing.changed() => {}
        }
    }

    /// Sends these events until each was accepted or refused. A refusal is final if the sink
    /// accepts other events (`sink_accepts`: it did just before). Returns the events refused
    /// otherwise, and whether any was accepted.
    async fn deliver<S: Sink>(
        &mut self,
        sink: &mut S,
        batch: Vec<BufferedEvent>,
        sink_accepts: bool,
    ) -> (Vec<BufferedEvent>, bool) {
        let mut progress = DeliveryProgress::default();
        let mut parts = VecDeque::from([batch]);
        while let Some(mut part) = parts.pop_front().filter(|part| !part.is_empty()) {
            let delivery = tokio::time::timeout(self.times.response, sink.send(&part)).await;
            match delivery.unwrap_or(Delivery::TimedOut) {
                Delivery::PerEvent(results) if results.len() == part.len() => {
                    progress.any_accepted |= results.contains(&EventDelivery::Shipped);
                    if let Some((rest, cause)) = self.settle(part, results) {
                        parts.push_front(rest);
                        self.back_off(None, &cause).await;
                    } else {
                        self.reset_failures();
                    }
                }
                Delivery::PerEvent(_) => {
                    parts.push_front(part);
                    self.back_off(None, "response about other events").await;
                }
                Delivery::Retry(after, cause) => {
                    parts.push_front(part);
                    self.back_off(after, &cause).await;
                }
                Delivery::TimedOut => {
                    // A smaller batch gets through a slow connection.
                    if part.len() > MIN_SPLIT {
                        parts.push_front(part.split_off(part.len() / 2));
                    }
                    parts.push_front(part);
                    self.back_off(None, "request timed out").await;
                }
                // Halve the batch until the refused event is found.
                Delivery::Refused(_) if part.len() > 1 => {
                    parts.push_front(part.split_off(part.len() / 2));
                    parts.push_front(part);
                }
                Delivery::Refused(cause) => {
                    progress.cause = cause;
                    if sink_accepts || progress.any_accepted {
                        progress.rejected.append(&mut part);
                    } else {
                        progress.suspects.append(&mut part);
                    }
                }
            }
        }
        let DeliveryProgress { rejected, suspects, cause, any_accepted } = progress;
        self.reject(&rejected, &cause);
        if !any_accepted && !suspects.is_empty() {
            self.back_off(None, &cause).await;
        }
        (suspects, any_accepted)
    }

    /// Counts shipped and rejected events. Returns the events to retry, and why.
    fn settle(
        &self,
        part: Vec<BufferedEvent>,
        results: Vec<EventDelivery>,
    ) -> Option<(Vec<BufferedEvent>, String)> {
        let (mut retries, mut retry_cause) = (Vec::new(), String::new());
        let (mut rejected, mut rejection_cause) = (Vec::new(), String::new());
        for (event, result) in part.into_iter().zip(results) {
            match result {
                EventDelivery::Shipped => self.buffer.count_shipped(&event),
                EventDelivery::Rejected(cause) => {
                    rejection_cause = cause;
                    rejected.push(event);
                }
                EventDelivery::Retry(cause) => {
                    retry_cause = cause;
                    retries.push(event);
                }
            }
        }
        self.reject(&rejected, &rejection_cause);
        (!retries.is_empty()).then_some((retries, retry_cause))
    }

    fn reject(&self, rejected: &[BufferedEvent], cause: &str) {
        for event in rejected {
            self.buffer.count_rejected(event);
        }
        if !rejected.is_empty() {
            slog::error!(self.logger, "log events rejected by sink";
                "sink" => self.name, "events" => rejected.len(), "error" => cause);
        }
    }

    /// Waits before the next attempt, with exponential back-off and equal jitter ("Exponential
    /// Backoff And Jitter", AWS Architecture Blog).
    async fn back_off(&mut self, retry_after: Option<Duration>, cause: &str) {
        if self.consecutive_failures == 0 {
            slog::warn!(self.logger, "log sink unavailable; retrying";
                "sink" => self.name, "error" => cause,
                "buffered" => self.buffer.counts().buffered);
        }
        let bound = self
            .times
            .first_retry
            .saturating_mul(2_u32.saturating_pow(self.consecutive_failures.min(16)));
        let bound = bound.min(self.times.last_retry);
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        let requested = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        let delay = rand::rng().random_range(bound / 2..=bound).max(requested);
        if self.is_closing() {
            return tokio::time::sleep(delay.min(SHUTDOWN_RETRY)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = self.closing.changed() => {}
        }
    }

    fn reset_failures(&mut self) {
        if std::mem::take(&mut self.consecutive_failures) > 0 {
            slog::info!(self.logger, "log sink available again";
                "sink" => self.name, "dropped_so_far" => self.buffer.counts().dropped);
        }
    }
}
