//! A stream from which the errors of the server are read on the way to the driver, below TLS if the
//! connection is not encrypted, above it otherwise.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::postgres::error_scanner::ErrorScanner;

/// A stream, and the scanner that reads along.
pub(super) struct ScannedStream<S> {
    stream: S,
    scanner: ErrorScanner,
}

impl<S> ScannedStream<S> {
    /// Wraps a stream so that the scanner reads along.
    pub(super) fn new(stream: S, scanner: ErrorScanner) -> Self {
        Self { stream, scanner }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ScannedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = &polled {
            self.scanner.read(buffer.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ScannedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for ScannedStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Encrypts a scanned stream: the scanner moves from below TLS to above it.
pub(super) struct ScannedTls<T>(pub(super) T);

impl<S, T> TlsConnect<ScannedStream<S>> for ScannedTls<T>
where
    S: Send + 'static,
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Error: 'static,
{
    type Stream = ScannedStream<T::Stream>;
    type Error = T::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, T::Error>>;

    fn connect(self, plain: ScannedStream<S>) -> Self::Future {
        let scanner = ErrorScanner::new(false, plain.scanner.errors().clone());
        let connecting = self.0.connect(plain.stream);
        Box::pin(async move { Ok(ScannedStream::new(connecting.await?, scanner)) })
    }
}
