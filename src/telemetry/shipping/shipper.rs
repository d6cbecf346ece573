//! Carries events from a buffer to a sink, on a thread with a runtime of its own, so that it shares
//! nothing with requests. In order: a batch is finished before the next is begun.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use rand::Rng;
use slog::Logger;
use tokio::sync::watch;
use tokio::time::Instant;

use super::buffer::{Buffer, Event};
use super::sink::{Fate, Sink, Verdict};
use crate::telemetry::sinks::Counted;

/// How long everything may take to be shipped when the process ends, unless a test has more
/// patience.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long it waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest wait for a batch to fill.
    pub gather: Duration,
    /// Longest wait for an answer.
    pub answer: Duration,
    /// About the first wait after a failure; it doubles with each.
    pub first_retry: Duration,
    /// Longest wait after a failure.
    pub last_retry: Duration,
    /// How long everything may take to be shipped when the process ends.
    pub last_words: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(1),
            answer: Duration::from_secs(10),
            first_retry: Duration::from_millis(200),
            last_retry: Duration::from_secs(30),
            last_words: LAST_WORDS,
        }
    }
}

/// Longest wait that a sink may ask for.
const RETRY_AFTER: Duration = Duration::from_mins(5);
/// A part as small as this is not halved because it is late.
const FEW: usize = 64;
/// While it closes, retries come at least this often.
const HURRY: Duration = Duration::from_millis(250);

pub(super) struct Shipper {
    pub(super) name: &'static str,
    pub(super) buffer: Arc<Buffer>,
    pub(super) pace: Pace,
    /// Until when everything must be done, once it is to end.
    pub(super) closing: watch::Receiver<Option<Instant>>,
    pub(super) logger: Logger,
    pub(super) failures: u32,
}

impl Shipper {
    /// Ships to the sink that `make` makes until it is told to end, and then until the deadline.
    /// What is left is dropped.
    pub(super) async fn run<S: Sink>(mut self, make: impl Future<Output = S>) {
        let mut closing = self.closing.clone();
        let expired = async move {
            // If whoever could tell is gone, there is no more time.
            if let Ok(Some(until)) = closing.wait_for(Option::is_some).await.map(|until| *until) {
                tokio::time::sleep_until(until).await;
            }
        };
        let ship = async { self.ship(make.await).await };
        tokio::select! {
            () = ship => {}
            () = expired => {}
        }
        let left = self.buffer.give_up();
        if left > 0 {
            slog::error!(self.logger, "log events not shipped: no time left"; "sink" => self.name, "events" => left);
        }
    }

    async fn ship<S: Sink>(&mut self, mut sink: S) {
        // What was refused before anything was taken: the fault may be the sink's, so it goes
        // again.
        let (mut suspects, mut sound) = (Vec::new(), false);
        loop {
            let last = self.is_closing();
            if !last && suspects.is_empty() {
                self.gather().await;
            }
            if !suspects.is_empty() {
                suspects = self.deliver(&mut sink, suspects, sound).await.0;
            }
            let more = if suspects.len() < S::LIMITS.events {
                self.buffer.take(Utc::now())
            } else {
                Vec::new()
            };
            if more.is_empty() && last {
                return;
            }
            let (refused, taken) = self.deliver(&mut sink, more, false).await;
            suspects.extend(refused);
            sound = taken;
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.borrow().is_some()
    }

    async fn gather(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(self.pace.gather) => {}
            () = self.buffer.batch_is_there() => {}
            _ = self.closing.changed() => {}
        }
    }

    /// Sends these until each event has arrived or was refused. A refusal is final where the sink
    /// is known to be `sound`, because it took something just before; the other refused events are
    /// answered, and whether anything was taken.
    async fn deliver<S: Sink>(
        &mut self,
        sink: &mut S,
        batch: Vec<Event>,
        sound: bool,
    ) -> (Vec<Event>, bool) {
        let (mut refused, mut suspects, mut why, mut taken) =
            (Vec::new(), Vec::new(), String::new(), false);
        let mut parts = VecDeque::from([batch]);
        while let Some(mut part) = parts.pop_front().filter(|part| !part.is_empty()) {
            let answer = tokio::time::timeout(self.pace.answer, sink.send(&part)).await;
            match answer.unwrap_or(Verdict::Late) {
                Verdict::Each(fates) if fates.len() == part.len() => {
                    taken |= fates.contains(&Fate::Shipped);
                    if let Some((rest, cause)) = self.settle(part, fates) {
                        parts.push_front(rest);
                        self.wait(None, &cause).await;
                    } else {
                        self.is_well();
                    }
                }
                Verdict::Each(_) => {
                    parts.push_front(part);
                    self.wait(None, "an answer about other events").await;
                }
                Verdict::Again(after, cause) => {
                    parts.push_front(part);
                    self.wait(after, &cause).await;
                }
                Verdict::Late => {
                    // Where the way is narrow, less gets through.
                    if part.len() > FEW {
                        parts.push_front(part.split_off(part.len() / 2));
                    }
                    parts.push_front(part);
                    self.wait(None, "no answer in time").await;
                }
                // One of them is the culprit: the halves tell which.
                Verdict::Refused(_) if part.len() > 1 => {
                    parts.push_front(part.split_off(part.len() / 2));
                    parts.push_front(part);
                }
                Verdict::Refused(cause) => {
                    why = cause;
                    if sound || taken {
                        refused.append(&mut part)
                    } else {
                        suspects.append(&mut part)
                    }
                }
            }
        }
        self.reject(&refused, &why);
        if !taken && !suspects.is_empty() {
            self.wait(None, &why).await;
        }
        (suspects, taken)
    }

    /// Counts what is decided; answers what is not, and why.
    fn settle(&self, part: Vec<Event>, fates: Vec<Fate>) -> Option<(Vec<Event>, String)> {
        let (mut rest, mut cause, mut refused, mut reason) =
            (Vec::new(), String::new(), Vec::new(), String::new());
        for (event, fate) in part.into_iter().zip(fates) {
            match fate {
                Fate::Shipped => self.buffer.shipped(&event),
                Fate::Rejected(why) => {
                    reason = why;
                    refused.push(event);
                }
                Fate::Again(why) => {
                    cause = why;
                    rest.push(event);
                }
            }
        }
        self.reject(&refused, &reason);
        (!rest.is_empty()).then_some((rest, cause))
    }

    fn reject(&self, refused: &[Event], why: &str) {
        for event in refused {
            self.buffer.rejected(event);
        }
        if !refused.is_empty() {
            let (sink, events) = (self.name, refused.len());
            slog::error!(self.logger, "log events refused by their sink"; "sink" => sink, "events" => events, "error" => why);
        }
    }

    /// Waits before the next attempt: longer with each, never in step with others (equal jitter, as
    /// AWS' architecture blog names it).
    async fn wait(&mut self, after: Option<Duration>, cause: &str) {
        if self.failures == 0 {
            let (sink, buffered) = (self.name, self.buffer.counts().buffered);
            slog::warn!(self.logger, "log sink takes no events; trying again"; "sink" => sink, "error" => cause, "buffered" => buffered);
        }
        let most =
            self.pace.first_retry.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        let most = most.min(self.pace.last_retry);
        self.failures = self.failures.saturating_add(1);
        // Nobody makes this process wait for ever.
        let asked = after.unwrap_or_default().min(RETRY_AFTER);
        let wait = rand::rng().random_range(most / 2..=most).max(asked);
        if self.is_closing() {
            return tokio::time::sleep(wait.min(HURRY)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = self.closing.changed() => {}
        }
    }

    fn is_well(&mut self) {
        if std::mem::take(&mut self.failures) > 0 {
            let dropped = self.buffer.counts().dropped;
            slog::info!(self.logger, "log sink takes events again"; "sink" => self.name, "dropped_so_far" => dropped);
        }
    }
}
