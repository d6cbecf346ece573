//! The last response of a connection, sent in place of a head that the parser wrote
//! ([`super::bare_head`]). The parser's head counts as written when all of this response is, so
//! back-pressure is that of the socket and nothing is buffered twice.
//!
//! What the client still sends is read and discarded afterwards, for a short time: a socket that is
//! closed with unread bytes resets the connection, and the client may lose the response.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Longest time for the rest of what the client sends.
const LINGER: Duration = Duration::from_secs(1);

/// A response that is being sent, the last of its connection.
#[derive(Debug)]
pub(super) struct FinalResponse {
    bytes: Vec<u8>,
    sent: usize,
    /// Length of the head that it replaces.
    replaced: usize,
    linger: LingerState,
}

#[derive(Debug)]
enum LingerState {
    NotStarted,
    Started(Pin<Box<Sleep>>),
    Ended,
}

impl FinalResponse {
    /// Prepares these bytes in place of a head of `replaced` bytes.
    pub(super) fn new(bytes: Vec<u8>, replaced: usize) -> Self {
        Self { bytes, sent: 0, replaced, linger: LingerState::NotStarted }
    }

    /// Prepares a response to a client that sends nothing more.
    pub(super) fn without_linger(bytes: Vec<u8>, replaced: usize) -> Self {
        Self { linger: LingerState::Ended, ..Self::new(bytes, replaced) }
    }

    /// Sends it, and returns that all `offered` bytes of the parser are written. Whatever the
    /// parser writes after its head (a second one, when a timer is due) is discarded.
    pub(super) fn poll_send<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut *stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(sent);
        }
        if offered == self.replaced {
            ready!(self.poll_linger(stream, context));
        }
        self.linger = LingerState::Ended;
        Poll::Ready(Ok(offered))
    }

    /// Discards what arrives until the client has closed its side, or for [`LINGER`]. It is over,
    /// too, when the connection fails, because the response is sent.
    fn poll_linger<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if matches!(self.linger, LingerState::NotStarted) {
            let _ = ready!(Pin::new(&mut *stream).poll_shutdown(context));
            self.linger = LingerState::Started(Box::pin(sleep(LINGER)));
        }
        let LingerState::Started(timer) = &mut self.linger else { return Poll::Ready(()) };
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut discarded = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let outcome = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if outcome.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
