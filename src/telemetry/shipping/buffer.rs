//! The bounded buffer in front of a sink. When it is full, the least severe events are dropped
//! first, and of these the oldest. Each dropped event is counted, and a marker event in the stream
//! says how many are missing and where. `shipper` empties the buffer.
//!
//! At any time `enqueued = shipped + dropped + rejected + buffered`, markers included.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use slog::Level;
use tokio::sync::Notify;
use uuid::Uuid;

use super::missing_events::MissingEvents;
use crate::telemetry::sinks::{SinkCounter, SinkCounts};

/// How much a buffer may hold, including the batch that is being sent.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    pub events: usize,
    /// Bytes of rendered lines.
    pub bytes: usize,
}

/// How much one batch may hold.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    pub events: usize,
    /// Bytes of rendered lines, plus `overhead` for each event.
    pub bytes: usize,
    /// Bytes that a sink adds to each event.
    pub overhead: usize,
    /// Longest time between the first and the last event.
    pub span: TimeDelta,
}

/// A rendered event.
#[derive(Clone, Debug)]
pub struct BufferedEvent {
    /// Number of the event among all events of this process for this sink, from 1. Gaps are
    /// dropped events.
    pub sequence: u64,
    /// When the event happened. Times do not decrease, unless the clock was set back.
    pub at: DateTime<Utc>,
    /// One JSON object.
    pub line: Arc<str>,
}

/// Queues by severity: markers first, which are never dropped, then critical to trace.
const QUEUES: usize = 7;
const MARKERS: usize = 0;

#[derive(Default)]
struct BufferState {
    queues: [VecDeque<BufferedEvent>; QUEUES],
    queued: QueueSize,
    in_flight: QueueSize,
    counts: SinkCounts,
    last_at: DateTime<Utc>,
    missing: MissingEvents,
    /// Identifies this process in markers.
    instance: Uuid,
    closed: bool,
}

#[derive(Clone, Copy, Default)]
struct QueueSize {
    events: usize,
    bytes: usize,
}

/// The buffer of one sink.
pub struct Buffer {
    capacity: Capacity,
    limits: BatchLimits,
    state: Mutex<BufferState>,
    batch_ready: Notify,
}

impl Buffer {
    /// Creates an empty buffer for a sink that accepts batches of this size.
    pub fn new(capacity: Capacity, limits: BatchLimits, instance: Uuid) -> Self {
        let state = Mutex::new(BufferState { instance, ..BufferState::default() });
        Self { capacity, limits, state, batch_ready: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, BufferState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event. Waits for nothing but the lock.
    pub fn push(&self, level: Level, at: DateTime<Utc>, line: Arc<str>) {
        let mut state = self.state();
        let queue = level.as_usize().min(QUEUES - 1);
        let event = state.number(at, line);
        if state.closed {
            return state.count_missing(queue, event.sequence);
        }
        while !state.has_room(self.capacity, event.line.len()) {
            // Drop the least severe queued event that is no more severe than this one, or else
            // this one.
            let Some(victim) = (queue..QUEUES)
                .rev()
                .find(|queue| state.queue(*queue).is_some_and(|q| !q.is_empty()))
            else {
                return state.count_missing(queue, event.sequence);
            };
            if let Some(dropped) = state.pop(victim) {
                state.count_missing(victim, dropped.sequence);
            }
        }
        state.enqueue(queue, event);
        let ready = state.has_batch(self.limits);
        drop(state);
        // Not for each event: waking the shipper takes time from requests.
        if ready {
            self.batch_ready.notify_one();
        }
    }

    /// Waits until a whole batch is queued.
    pub(super) async fn wait_for_batch(&self) {
        while !self.state().has_batch(self.limits) {
            self.batch_ready.notified().await;
        }
    }

    /// Takes the next batch in order, with a marker for events dropped before. The events stay
    /// counted as buffered until they are reported as shipped or rejected.
    pub fn take(&self, now: DateTime<Utc>) -> Vec<BufferedEvent> {
        let (mut state, limits) = (self.state(), self.limits);
        state.enqueue_marker(now);
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while batch.len() < limits.events {
            let fronts = state
                .queues
                .iter()
                .enumerate()
                .filter_map(|(index, q)| Some((q.front()?.sequence, index)));
            let Some((_, first)) = fronts.min() else { break };
            let Some(event) = state.queue(first).and_then(VecDeque::front) else { break };
            bytes = bytes.saturating_add(event.line.len()).saturating_add(limits.overhead);
            let start = batch.first().map_or(event.at, |first: &BufferedEvent| first.at);
            // `PutLogEvents` refuses a batch that is not in order of time.
            let clock_set_back =
                batch.last().is_some_and(|last: &BufferedEvent| event.at < last.at);
            if clock_set_back
                || (bytes > limits.bytes && !batch.is_empty())
                || event.at - start >= limits.span
            {
                break;
            }
            let Some(event) = state.pop(first) else { break };
            state.in_flight.events += 1;
            state.in_flight.bytes += event.line.len();
            batch.push(event);
        }
        batch
    }

    /// Counts an event that the sink has accepted.
    pub fn count_shipped(&self, event: &BufferedEvent) {
        let mut state = self.state();
        state.remove_in_flight(event);
        state.counts.shipped += 1;
    }

    /// Counts an event that the sink has refused for good.
    pub fn count_rejected(&self, event: &BufferedEvent) {
        let mut state = self.state();
        state.remove_in_flight(event);
        state.counts.rejected += 1;
    }

    /// Drops all events, and from now on every new one. Returns how many were buffered.
    pub fn close(&self) -> u64 {
        let mut state = self.state();
        let left = state.queued.events.saturating_add(state.in_flight.events) as u64;
        state.counts.dropped += left;
        state.queues = Default::default();
        (state.queued, state.in_flight) = Default::default();
        state.closed = true;
        left
    }

    /// Returns the bytes of all buffered lines.
    pub fn bytes(&self) -> usize {
        let state = self.state();
        state.queued.bytes + state.in_flight.bytes
    }
}

impl SinkCounter for Buffer {
    fn counts(&self) -> SinkCounts {
        let state = self.state();
        let buffered = state.queued.events.saturating_add(state.in_flight.events) as u64;
        SinkCounts { buffered, ..state.counts }
    }
}

impl BufferState {
    fn number(&mut self, at: DateTime<Utc>, line: Arc<str>) -> BufferedEvent {
        self.counts.enqueued += 1;
        // Threads overtake each other by microseconds. A larger step is a clock that was set back,
        // and then the new time is right.
        let overtaken = at < self.last_at && self.last_at - at < TimeDelta::seconds(1);
        self.last_at = if overtaken { self.last_at } else { at };
        BufferedEvent { sequence: self.counts.enqueued, at: self.last_at, line }
    }

    fn queue(&self, queue: usize) -> Option<&VecDeque<BufferedEvent>> {
        self.queues.get(queue)
    }

    fn has_room(&self, capacity: Capacity, bytes: usize) -> bool {
        self.queued.events + self.in_flight.events < capacity.events
            && self.queued.bytes + self.in_flight.bytes + bytes <= capacity.bytes
    }

    /// Whether a batch should be sent without waiting for more events.
    fn has_batch(&self, limits: BatchLimits) -> bool {
        self.queued.events >= limits.events || self.queued.bytes >= limits.bytes / 2
    }

    fn enqueue(&mut self, queue: usize, event: BufferedEvent) {
        self.queued.events += 1;
        self.queued.bytes += event.line.len();
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.push_back(event);
        }
    }

    fn pop(&mut self, queue: usize) -> Option<BufferedEvent> {
        let event = self.queues.get_mut(queue)?.pop_front()?;
        self.queued.events -= 1;
        self.queued.bytes -= event.line.len();
        Some(event)
    }

    fn remove_in_flight(&mut self, event: &BufferedEvent) {
        self.in_flight.events = self.in_flight.events.saturating_sub(1);
        self.in_flight.bytes = self.in_flight.bytes.saturating_sub(event.line.len());
    }

    fn count_missing(&mut self, queue: usize, sequence: u64) {
        self.counts.dropped += 1;
        self.missing.count(Level::from_usize(queue).unwrap_or(Level::Trace), sequence);
    }

    /// Queues a marker for missing events, unless one is queued already. It is small and may
    /// exceed the capacity.
    fn enqueue_marker(&mut self, now: DateTime<Utc>) {
        if self.queue(MARKERS).is_some_and(|markers| !markers.is_empty()) {
            return;
        }
        let missing = std::mem::take(&mut self.missing);
        if missing.is_empty() {
            return;
        }
        let marker = self.number(now, missing.render(now, self.instance).into());
        self.enqueue(MARKERS, marker);
    }
}
