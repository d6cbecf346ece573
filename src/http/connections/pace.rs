//! The rule, without I/O, how long a connection may make no progress.
//!
//! | state of the connection | limit | starts at |
//! | --- | --- | --- |
//! | the client does not read the response | [`LIMIT`] | the last byte that was written |
//! | no active request | [`LIMIT`] for a complete head | its opening, or the last response |
//! | an active request | none | |
//!
//! Each written byte is progress, so slow readers are served. A head that arrives byte by byte is
//! no progress.
//!
//! It also knows when actix-http may write a response without the application, because that is
//! known from the same events.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The longest time without progress.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The progress of one connection, shared by its stream and its requests.
#[derive(Debug)]
pub struct ConnectionPace {
    requests: Cell<u32>,
    /// Number of requests that have begun.
    begun: Cell<u64>,
    /// Whether the last body ended as a response head ends.
    ends_like_head: Cell<bool>,
    /// Notified when the last active request has ended.
    idle: Notify,
    /// The last progress: its opening, a write, or the end of a request.
    since: Cell<Instant>,
    /// When a write blocked first since the last progress.
    blocked: Cell<Option<Instant>>,
}

impl ConnectionPace {
    /// Starts with a connection that is opened now.
    pub fn new(now: Instant) -> Self {
        Self {
            requests: Cell::new(0),
            begun: Cell::new(0),
            ends_like_head: Cell::new(false),
            idle: Notify::new(),
            since: Cell::new(now),
            blocked: Cell::new(None),
        }
    }

    /// Begins a request; it is active until the returned value is dropped.
    pub fn begin_request(self: &Rc<Self>) -> ActiveRequest {
        self.requests.set(self.requests.get().saturating_add(1));
        self.begun.set(self.begun.get().saturating_add(1));
        self.ends_like_head.set(false);
        ActiveRequest(self.clone())
    }

    fn end(&self, now: Instant) {
        self.requests.set(self.requests.get().saturating_sub(1));
        self.since.set(now);
        if self.requests.get() == 0 {
            self.idle.notify_one();
        }
    }

    /// Returns how many requests have begun; changes with each of them.
    pub fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Records a part of a response body.
    pub fn record_chunk(&self, chunk: &[u8]) {
        if !chunk.is_empty() {
            self.ends_like_head.set(matches!(chunk, [.., b'\r', b'\n'] | [b'\n']));
        }
    }

    /// Whether bytes at the end of what is to be written can be a response of the parser: no
    /// request is active, and they are no body. A chunked body ends with its last chunk, another
    /// one with bytes that were recorded; a response head ends with a line break. So a client that
    /// stores the text of a head in a body cannot have that body replaced.
    pub fn may_parser_write(&self) -> bool {
        self.requests.get() == 0 && !self.ends_like_head.get()
    }

    /// Waits until the connection has no active request.
    pub async fn until_idle(&self) {
        while self.requests.get() > 0 {
            self.idle.notified().await;
        }
    }

    /// Records that bytes were written.
    pub fn record_write(&self, now: Instant) {
        self.blocked.set(None);
        self.since.set(now);
    }

    /// Records that bytes could not be written.
    pub fn record_blocked(&self, now: Instant) {
        self.blocked.set(self.blocked.get().or(Some(now)));
    }

    /// Returns when the connection must be closed unless it makes progress; none while a request is
    /// active and no write is blocked.
    pub fn deadline(&self) -> Option<Instant> {
        let idle = (self.requests.get() == 0).then(|| self.since.get());
        self.blocked.get().or(idle).map(|from| from + LIMIT)
    }
}

/// An active request; dropped when its response is complete.
#[derive(Debug)]
pub struct ActiveRequest(Rc<ConnectionPace>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.end(Instant::now());
    }
}

#[cfg(test)]
mod tests;
