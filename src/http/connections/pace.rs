//! How long a connection may make no progress, as a rule without I/O.
//!
//! | the connection | may take | from |
//! | --- | --- | --- |
//! | has bytes to write that the client does not take | [`LIMIT`] | the last byte that it took |
//! | has no request under way | [`LIMIT`] for a complete head | its opening, or the end of the last response |
//! | has a request under way | any time | |
//!
//! Each byte that is written counts as progress, so slow readers are served; a head that arrives
//! byte by byte is not progress.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// The longest time without progress.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What one connection is doing, shared by its stream and its requests.
#[derive(Debug)]
pub struct Pace {
    requests: Cell<u32>,
    /// When it was opened, wrote last, or ended a request last.
    since: Cell<Instant>,
    /// Since when the client does not take what is to be written.
    blocked: Cell<Option<Instant>>,
}

impl Pace {
    /// That of a connection opened now.
    pub fn new(now: Instant) -> Self {
        Self { requests: Cell::new(0), since: Cell::new(now), blocked: Cell::new(None) }
    }

    /// A request is under way until the returned value is dropped.
    pub fn begin(self: &Rc<Self>) -> UnderWay {
        self.requests.set(self.requests.get().saturating_add(1));
        UnderWay(self.clone())
    }

    fn end(&self, now: Instant) {
        self.requests.set(self.requests.get().saturating_sub(1));
        self.since.set(now);
    }

    /// Bytes were written.
    pub fn wrote(&self, now: Instant) {
        self.blocked.set(None);
        self.since.set(now);
    }

    /// Bytes could not be written.
    pub fn blocked(&self, now: Instant) {
        self.blocked.set(self.blocked.get().or(Some(now)));
    }

    /// When the connection is to be closed, if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        let idle = (self.requests.get() == 0).then(|| self.since.get());
        self.blocked.get().or(idle).map(|from| from + LIMIT)
    }
}

/// A request under way; dropped when its response has no more bytes to give.
#[derive(Debug)]
pub struct UnderWay(Rc<Pace>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end(Instant::now());
    }
}

#[cfg(test)]
mod tests;
