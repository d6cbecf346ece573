//! `LISTEN`, and the notifications that arrive afterwards.
//!
//! A connection on which nothing is expected does not show that its server is gone: a failover, or
//! a firewall, may leave it open for hours. So after some time without notifications the server is
//! asked for an answer.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;
use tokio::time::timeout;

use crate::postgres::server_connection::ServerConnection;

/// Longest time without notifications before the server is asked whether it still answers.
const IDLE: Duration = Duration::from_secs(5);
/// Time for its answer.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection that listens. Notifications from before [`NotificationListener::listen`] are lost.
pub struct NotificationListener {
    connection: ServerConnection,
    listen: String,
}

/// The channel of a notification, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub channel: String,
    pub payload: String,
}

impl NotificationListener {
    /// Listens on these channels; their names must be valid SQL identifiers.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn listen(mut connection: ServerConnection, channels: &[&str]) -> QueryResult<Self> {
        let statements: Vec<String> =
            channels.iter().map(|channel| format!("LISTEN {channel}")).collect();
        let listen = statements.join("; ");
        connection.batch_execute(&listen).await?;
        Ok(Self { connection, listen })
    }

    /// Waits for the next notification. None when the connection has ended, or the server does not
    /// answer any more.
    pub async fn next(&mut self) -> Option<Notification> {
        loop {
            let Ok(received) = timeout(IDLE, self.connection.next_notification()).await else {
                self.check().await?;
                continue;
            };
            let received = received?;
            return Some(Notification {
                channel: received.channel().to_owned(),
                payload: received.payload().to_owned(),
            });
        }
    }

    /// Listens again, which changes nothing.
    async fn check(&mut self) -> Option<()> {
        timeout(ANSWER, self.connection.batch_execute(&self.listen)).await.ok()?.ok()
    }
}
