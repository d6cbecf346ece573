//! A TCP stream that ends with an error when its connection makes no progress for too long
//! ([`super::pace`]).
//!
//! The timer is set when the stream is opened and polled whenever an operation has to wait. When it
//! is due, the rule decides whether the wait was too long or when to check again. So a request sets
//! no timer, and nothing has to wake the connection when a response ends.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::open::OpenConnection;
use super::pace::{ConnectionPace, LIMIT};

/// The stream of one connection. Its slot among the open connections is freed with it.
#[derive(Debug)]
pub struct GuardedStream {
    stream: TcpStream,
    pace: Rc<ConnectionPace>,
    timer: Pin<Box<Sleep>>,
    _open: OpenConnection,
}

impl GuardedStream {
    /// Guards a stream that has just been accepted.
    pub fn new(stream: TcpStream, open: OpenConnection) -> Self {
        let now = Instant::now();
        Self {
            stream,
            pace: Rc::new(ConnectionPace::new(now)),
            timer: Box::pin(sleep_until(now + LIMIT)),
            _open: open,
        }
    }

    /// Returns the progress of this connection, for its requests.
    pub fn pace(&self) -> Rc<ConnectionPace> {
        self.pace.clone()
    }

    /// Returns the outcome of an operation, or an error if it has waited for too long.
    fn or_timeout<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            return outcome;
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let next = self.pace.deadline().unwrap_or(now + LIMIT);
            if next <= now {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.or_timeout(context, outcome)
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        match &outcome {
            Poll::Ready(_) => self.pace.record_write(Instant::now()),
            Poll::Pending => self.pace.record_blocked(Instant::now()),
        }
        self.or_timeout(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
