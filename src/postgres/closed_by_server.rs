//! The socket of a cancel request, which the server closes when it has dealt with the request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket whose shutdown waits until the server closes it, as libpq does after a cancel request:
/// before that the request may not have arrived. It is not shut down on this side, because
/// `PgBouncer` drops the request of a client that has gone, and older ones crash.
pub(super) struct ClosedByServer<S>(pub(super) S);

impl<S: AsyncRead + Unpin> AsyncRead for ClosedByServer<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClosedByServer<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn shutdown_waits_for_the_server_and_sends_nothing() {
        let (client, mut server) = tokio::io::duplex(64);
        let mut client = ClosedByServer(client);
        client.write_all(b"cancel").await.expect("sent");
        let mut shutdown = tokio::spawn(async move { client.shutdown().await });
        let mut received = [0; 6];
        server.read_exact(&mut received).await.expect("the request");
        // The end of the client's side would be readable here.
        tokio::select! {
            biased;
            read = server.read(&mut received) => panic!("{read:?}"),
            _ = &mut shutdown => panic!("it does not wait"),
            () = tokio::task::yield_now() => {}
        }
        drop(server);
        shutdown.await.expect("no panic").expect("closed by the server");
    }
}
