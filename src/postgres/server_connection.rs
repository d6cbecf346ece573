//! An open connection with what belongs to it: the task that reads its socket, the errors and
//! notifications that arrive, and where the server is.

use std::ops::{Deref, DerefMut};

use diesel::ConnectionResult;
use diesel_async::AsyncPgConnection;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Connection, Notification};

use crate::postgres::server_error::RecentErrors;
use crate::postgres::socket::ReachedServer;

/// An open connection. Dropping it closes the socket at once, also while a query runs.
pub struct ServerConnection {
    connection: AsyncPgConnection,
    errors: RecentErrors,
    notifications: UnboundedReceiver<Notification>,
    server: ReachedServer,
    /// Behind the connection, so that it is dropped after it.
    reader: ReaderTask,
}

impl Deref for ServerConnection {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl DerefMut for ServerConnection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}

impl ServerConnection {
    /// Wraps a connection of the driver for diesel.
    pub(super) async fn new(raw: DriverConnection) -> ConnectionResult<Self> {
        let DriverConnection { client, reader, notifications, errors, server } = raw;
        let connection = AsyncPgConnection::try_from(client).await?;
        Ok(Self { connection, errors, notifications, server, reader })
    }

    /// Returns the last errors of the server, with what diesel hides of them.
    pub fn errors(&self) -> &RecentErrors {
        &self.errors
    }

    /// Returns what is needed to cancel the query on this connection, which is of no further use:
    /// its socket is closed with the token.
    pub fn take_cancel_token(&mut self) -> QueryCancelToken {
        let (token, server) = (self.connection.cancel_token(), self.server.clone());
        QueryCancelToken { token, server, reader: self.reader.take() }
    }

    /// Returns which host of the URL this is.
    pub fn host(&self) -> String {
        self.server.to_string()
    }

    /// Returns the next notification; none when the connection has ended.
    pub(super) async fn next_notification(&mut self) -> Option<Notification> {
        self.notifications.recv().await
    }

    /// Returns diesel's connection and the guard that must live as long.
    pub(super) fn into_parts(self) -> (AsyncPgConnection, ReaderTask) {
        (self.connection, self.reader)
    }
}

/// Names a query that may run on a server, and keeps its connection open.
pub struct QueryCancelToken {
    pub(super) token: tokio_postgres::CancelToken,
    pub(super) server: ReachedServer,
    pub(super) reader: ReaderTask,
}

/// A connection of the driver, before diesel has it.
pub(super) struct DriverConnection {
    pub(super) client: Client,
    pub(super) reader: ReaderTask,
    pub(super) notifications: UnboundedReceiver<Notification>,
    pub(super) errors: RecentErrors,
    pub(super) server: ReachedServer,
}

/// The task that reads and writes the socket of a connection; it ends when this is dropped. None
/// if it was taken, to outlive the connection.
pub(super) struct ReaderTask(Option<JoinHandle<()>>);

impl ReaderTask {
    /// Starts the task. Returns it with the notifications that it receives.
    pub(super) fn start<S, T>(
        connection: Connection<S, T>,
        errors: RecentErrors,
    ) -> (Self, UnboundedReceiver<Notification>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(tokio::spawn(read(connection, sender, errors)))), receiver)
    }

    fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Waits until the server has answered the last query, and the connection has ended. The client
    /// must have been dropped.
    pub(super) async fn ended(&mut self) {
        if let Some(task) = &mut self.0 {
            // It ends without a result, also if it was aborted.
            let _ = task.await;
            self.0 = None;
        }
    }
}

impl Drop for ReaderTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn read<S, T>(
    mut connection: Connection<S, T>,
    notifications: UnboundedSender<Notification>,
    errors: RecentErrors,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = stream::poll_fn(|context| connection.poll_message(context));
    // An error ends the connection; the driver fails the queries that wait for an answer.
    while let Some(Ok(message)) = messages.next().await {
        match message {
            AsyncMessage::Notification(notification) => {
                let _ = notifications.send(notification);
            }
            AsyncMessage::Notice(notice) if is_cancelled_wait_for_standby(&notice) => {
                errors.set_commit_not_replicated();
            }
            _ => {}
        }
    }
}

/// Whether a COMMIT does not wait for a synchronous standby any more. The warning has no SQLSTATE
/// of its own, and its text has the server's language; so the server's function that sends it
/// counts (`src/backend/replication/syncrep.c`, PostgreSQL 9.1 to 18).
fn is_cancelled_wait_for_standby(notice: &DbError) -> bool {
    notice.routine() == Some("SyncRepWaitForLSN")
}
