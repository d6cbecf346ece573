//! `LISTEN`, and the notifications that arrive afterwards.

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;
use futures_util::{Stream, stream};

use crate::postgres::server_connection::ServerConnection;

/// A connection that listens. Notifications from before [`NotificationListener::listen`] are lost.
pub struct NotificationListener(ServerConnection);

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
        connection.batch_execute(&statements.join("; ")).await?;
        Ok(Self(connection))
    }

    /// Returns the notifications until the connection ends.
    pub fn notifications(&mut self) -> impl Stream<Item = Notification> {
        stream::unfold(&mut self.0, |connection| async move {
            let received = connection.next_notification().await?;
            let notification = Notification {
                channel: received.channel().to_owned(),
                payload: received.payload().to_owned(),
            };
            Some((notification, connection))
        })
    }
}
