//! An open connection with what belongs to it: the task that reads its socket, the errors and
//! notifications that arrive, and where the server is.

use std::ops::{Deref, DerefMut};

use diesel::ConnectionResult;
use diesel_async::AsyncPgConnection;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
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

    /// Returns what is needed to cancel a query on this connection.
    pub fn cancel_token(&self) -> QueryCancelToken {
        QueryCancelToken { token: self.connection.cancel_token(), server: self.server.clone() }
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

/// Names a query that may run on a server.
#[derive(Clone)]
pub struct QueryCancelToken {
    pub(super) token: tokio_postgres::CancelToken,
    pub(super) server: ReachedServer,
}

/// A connection of the driver, before diesel has it.
pub(super) struct DriverConnection {
    pub(super) client: Client,
    pub(super) reader: ReaderTask,
    pub(super) notifications: UnboundedReceiver<Notification>,
    pub(super) errors: RecentErrors,
    pub(super) server: ReachedServer,
}

/// The task that reads and writes the socket of a connection; it ends when this is dropped.
pub(super) struct ReaderTask(JoinHandle<()>);

impl ReaderTask {
    /// Starts the task. Returns it with the notifications that it receives.
    pub(super) fn start<S, T>(
        connection: Connection<S, T>,
    ) -> (Self, UnboundedReceiver<Notification>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(tokio::spawn(read(connection, sender))), receiver)
    }
}

impl Drop for ReaderTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read<S, T>(mut connection: Connection<S, T>, notifications: UnboundedSender<Notification>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = stream::poll_fn(|context| connection.poll_message(context));
    // An error ends the connection; the driver fails the queries that wait for an answer.
    while let Some(Ok(message)) = messages.next().await {
        if let AsyncMessage::Notification(notification) = message {
            let _ = notifications.send(notification);
        }
    }
}
