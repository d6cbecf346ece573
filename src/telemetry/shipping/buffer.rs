//! The bounded buffer in front of a sink. When it is full the least severe events go first, the
//! oldest of them before the younger; each is counted, and a marker in the stream says how many are
//! missing and where.
//!
//! At any time `enqueued = shipped + dropped + rejected + buffered`, markers included.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use slog::Level;
use tokio::sync::Notify;

use crate::telemetry::sinks::{Counted, Counts};

/// What one buffer may hold, what is on its way included.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// So many events.
    pub events: usize,
    /// So many bytes of lines.
    pub bytes: usize,
}

/// What one batch may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many events.
    pub events: usize,
    /// So many bytes, with `overhead` for each event.
    pub bytes: usize,
    /// What an event costs beside its line.
    pub overhead: usize,
    /// Longest time between the first and the last.
    pub span: TimeDelta,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place among all events of this process for this sink; gaps are events that were dropped.
    pub sequence: u64,
    /// When. Of events of the same moment none is before the one before it; a clock that was set
    /// back shows.
    pub at: DateTime<Utc>,
    /// One JSON object.
    pub line: Arc<str>,
}

/// Queues by severity: markers first, which are never dropped, then critical to trace.
const QUEUES: usize = 7;
const MARKERS: usize = 0;

#[derive(Default)]
struct Inner {
    queues: [VecDeque<Event>; QUEUES],
    held: Held,
    on_the_way: Held,
    counts: Counts,
    last_at: DateTime<Utc>,
    missing: Missing,
    closed: bool,
}

#[derive(Clone, Copy, Default)]
struct Held {
    events: usize,
    bytes: usize,
}

/// What was dropped since the last marker.
#[derive(Default)]
struct Missing {
    by_level: BTreeMap<&'static str, u64>,
    first: u64,
    last: u64,
}

/// The buffer.
pub struct Buffer {
    capacity: Capacity,
    limits: Limits,
    inner: Mutex<Inner>,
    enough: Notify,
}

impl Buffer {
    /// An empty one, for a sink that takes so much at once.
    pub fn new(capacity: Capacity, limits: Limits) -> Self {
        Self { capacity, limits, inner: Mutex::default(), enough: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event happens. Never waits but for the lock.
    pub fn push(&self, level: Level, at: DateTime<Utc>, line: Arc<str>) {
        let mut inner = self.inner();
        let queue = level.as_usize().min(QUEUES - 1);
        let event = inner.next(at, line);
        if inner.closed {
            return inner.miss(queue, event.sequence);
        }
        while !inner.has_room(self.capacity, event.line.len()) {
            // Of what waits, the least severe that is no more severe than this event; else the
            // event itself.
            let Some(victim) = (queue..QUEUES)
                .rev()
                .find(|queue| inner.queue(*queue).is_some_and(|q| !q.is_empty()))
            else {
                return inner.miss(queue, event.sequence);
            };
            if let Some(dropped) = inner.pop(victim) {
                inner.miss(victim, dropped.sequence);
            }
        }
        inner.put(queue, event);
        let enough = inner.is_enough(self.limits);
        drop(inner);
        // Not for each event: whoever is woken up takes time from requests.
        if enough {
            self.enough.notify_one();
        }
    }

    /// Waits until a whole batch is there.
    pub(super) async fn batch_is_there(&self) {
        while !self.inner().is_enough(self.limits) {
            self.enough.notified().await;
        }
    }

    /// Takes the next batch in order, after a marker for what is missing was put in line. What is
    /// taken is still buffered until it is said what became of it.
    pub fn take(&self, now: DateTime<Utc>) -> Vec<Event> {
        let (mut inner, limits) = (self.inner(), self.limits);
        inner.mark(now);
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while batch.len() < limits.events {
            let fronts = inner
                .queues
                .iter()
                .enumerate()
                .filter_map(|(index, q)| Some((q.front()?.sequence, index)));
            let Some((_, first)) = fronts.min() else { break };
            let Some(event) = inner.queue(first).and_then(VecDeque::front) else { break };
            bytes = bytes.saturating_add(event.line.len()).saturating_add(limits.overhead);
            let began = batch.first().map_or(event.at, |first: &Event| first.at);
            // `PutLogEvents` refuses a batch that goes back in time.
            let back = batch.last().is_some_and(|last: &Event| event.at < last.at);
            if back
                || (bytes > limits.bytes && !batch.is_empty())
                || event.at - began >= limits.span
            {
                break;
            }
            let Some(event) = inner.pop(first) else { break };
            inner.on_the_way.events += 1;
            inner.on_the_way.bytes += event.line.len();
            batch.push(event);
        }
        batch
    }

    /// This event has arrived.
    pub fn shipped(&self, event: &Event) {
        let mut inner = self.inner();
        inner.arrived(event);
        inner.counts.shipped += 1;
    }

    /// This event was refused for good.
    pub fn rejected(&self, event: &Event) {
        let mut inner = self.inner();
        inner.arrived(event);
        inner.counts.rejected += 1;
    }

    /// Nothing more is shipped: what is still here is dropped, and what comes. Answers how many
    /// were here.
    pub fn give_up(&self) -> u64 {
        let mut inner = self.inner();
        let left = inner.held.events.saturating_add(inner.on_the_way.events) as u64;
        inner.counts.dropped += left;
        inner.queues = Default::default();
        (inner.held, inner.on_the_way) = Default::default();
        inner.closed = true;
        left
    }

    /// How many bytes of lines are held.
    pub fn bytes(&self) -> usize {
        let inner = self.inner();
        inner.held.bytes + inner.on_the_way.bytes
    }
}

impl Counted for Buffer {
    fn counts(&self) -> Counts {
        let inner = self.inner();
        let buffered = inner.held.events.saturating_add(inner.on_the_way.events) as u64;
        Counts { buffered, ..inner.counts }
    }
}

impl Inner {
    fn next(&mut self, at: DateTime<Utc>, line: Arc<str>) -> Event {
        self.counts.enqueued += 1;
        // Threads overtake each other by microseconds. A larger step is a clock that was set back,
        // and the new time is right.
        let overtaken = at < self.last_at && self.last_at - at < TimeDelta::seconds(1);
        self.last_at = if overtaken { self.last_at } else { at };
        Event { sequence: self.counts.enqueued, at: self.last_at, line }
    }

    fn queue(&self, queue: usize) -> Option<&VecDeque<Event>> {
        self.queues.get(queue)
    }

    fn has_room(&self, capacity: Capacity, bytes: usize) -> bool {
        self.held.events + self.on_the_way.events < capacity.events
            && self.held.bytes + self.on_the_way.bytes + bytes <= capacity.bytes
    }

    /// Whether a batch is worth sending before its time.
    fn is_enough(&self, limits: Limits) -> bool {
        self.held.events >= limits.events || self.held.bytes >= limits.bytes / 2
    }

    fn put(&mut self, queue: usize, event: Event) {
        self.held.events += 1;
        self.held.bytes += event.line.len();
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.push_back(event);
        }
    }

    fn pop(&mut self, queue: usize) -> Option<Event> {
        let event = self.queues.get_mut(queue)?.pop_front()?;
        self.held.events -= 1;
        self.held.bytes -= event.line.len();
        Some(event)
    }

    fn arrived(&mut self, event: &Event) {
        self.on_the_way.events = self.on_the_way.events.saturating_sub(1);
        self.on_the_way.bytes = self.on_the_way.bytes.saturating_sub(event.line.len());
    }

    fn miss(&mut self, queue: usize, sequence: u64) {
        self.counts.dropped += 1;
        let level = Level::from_usize(queue).unwrap_or(Level::Trace).as_str();
        let missing = &mut self.missing;
        missing.first =
            if missing.by_level.is_empty() { sequence } else { missing.first.min(sequence) };
        missing.last = missing.last.max(sequence);
        *missing.by_level.entry(level).or_default() += 1;
    }

    /// Puts a marker in line, where none is in it already. It is small, so it may exceed the
    /// capacity.
    fn mark(&mut self, now: DateTime<Utc>) {
        if self.queue(MARKERS).is_some_and(|markers| !markers.is_empty()) {
            return;
        }
        let missing = std::mem::take(&mut self.missing);
        if missing.by_level.is_empty() {
            return;
        }
        let dropped: u64 = missing.by_level.values().sum();
        let mut levels = String::new();
        for (level, count) in &missing.by_level {
            let comma = if levels.is_empty() { "" } else { "," };
            let _ = write!(levels, "{comma}\"{}\":{count}", level.to_lowercase());
        }
        let line = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"warning\",\"module\":\"{}\",\"message\":\"log events dropped\",\
             \"dropped\":{dropped},\"first\":{},\"last\":{},\"levels\":{{{levels}}}}}",
            now.to_rfc3339_opts(SecondsFormat::Micros, true),
            module_path!(),
            missing.first,
            missing.last,
        );
        let marker = self.next(now, line.into());
        self.put(MARKERS, marker);
    }
}
