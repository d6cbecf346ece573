//! A TCP stream that ends with an error when its connection makes no progress for too long
//! ([`super::pace`]), and that completes the responses which actix-http writes without the
//! application (`bare_head`, [`super::responder`]).
//!
//! The timer is set when the stream is opened and polled whenever an operation has to wait. When it
//! is due, the rule decides whether the wait was too long or when to check again. So a request sets
//! no timer, and nothing has to wake the connection when a response ends.
//!
//! A head that the parser wrote is replaced only while no request is active, and only at the end of
//! what is to be written: nothing ever follows it. Text in a body cannot be taken for one; see
//! [`ConnectionPace::may_parser_write`].

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::bare_head::{self, BareHead};
use super::final_response::FinalResponse;
use super::open::OpenConnection;
use super::pace::{ConnectionPace, LIMIT};
use super::request_start::RequestStart;
use super::responder::Responder;

/// Status of a request whose head did not arrive: its client sends nothing more.
const TIMEOUT: u16 = 408;

/// The stream of one connection. Its slot among the open connections is freed with it.
#[derive(Debug)]
pub struct GuardedStream {
    stream: TcpStream,
    pace: Rc<ConnectionPace>,
    timer: Pin<Box<Sleep>>,
    request_start: RequestStart,
    responder: Arc<Responder>,
    /// What is sent in place of the parser's response.
    last: Option<FinalResponse>,
    _open: OpenConnection,
}

impl GuardedStream {
    /// Guards a stream that has just been accepted.
    pub fn new(stream: TcpStream, open: OpenConnection, responder: Arc<Responder>) -> Self {
        let now = Instant::now();
        Self {
            stream,
            pace: Rc::new(ConnectionPace::new(now)),
            timer: Box::pin(sleep_until(now + LIMIT)),
            request_start: RequestStart::default(),
            responder,
            last: None,
            _open: open,
        }
    }

    /// Returns the progress of this connection, for its requests.
    pub fn pace(&self) -> Rc<ConnectionPace> {
        self.pace.clone()
    }

    /// Writes these bytes, but not a head of the parser at their end: what replaces it is sent.
    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut own = bytes;
        if self.last.is_none() && self.pace.may_parser_write() {
            match bare_head::find(bytes) {
                Some(head) if head.start == 0 => self.last = Some(self.replace(&head, bytes.len())),
                Some(head) => own = bytes.get(..head.start).unwrap_or(bytes),
                None => {}
            }
        }
        match &mut self.last {
            Some(last) => last.poll_send(&mut self.stream, context, bytes.len()),
            None => Pin::new(&mut self.stream).poll_write(context, own),
        }
    }

    fn replace(&self, head: &BareHead<'_>, length: usize) -> FinalResponse {
        let is_head_request = self.request_start.is_head(self.pace.begun());
        let response = self.responder.complete(head, self.stream.peer_addr().ok(), is_head_request);
        if head.status == TIMEOUT {
            FinalResponse::without_linger(response, length)
        } else {
            FinalResponse::new(response, length)
        }
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
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let begun = self.pace.begun();
        self.request_start.record(begun, buffer.filled().get(before..).unwrap_or_default());
        self.or_timeout(context, outcome)
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.write(context, bytes);
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
