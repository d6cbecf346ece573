//! `LISTEN`, and the notifications that arrive afterwards.

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::{Stream, TryStreamExt};

/// A connection that listens. Notifications from before [`NotificationListener::listen`] are lost.
pub struct NotificationListener(AsyncPgConnection);

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
    pub async fn listen(mut connection: AsyncPgConnection, channels: &[&str]) -> QueryResult<Self> {
        let statements: Vec<String> =
            channels.iter().map(|channel| format!("LISTEN {channel}")).collect();
        connection.batch_execute(&statements.join("; ")).await?;
        Ok(Self(connection))
    }

    /// Returns the notifications until the connection ends.
    pub fn notifications(&mut self) -> impl Stream<Item = QueryResult<Notification>> {
        self.0.notifications_stream().map_ok(|received| Notification {
            channel: received.channel,
            payload: received.payload,
        })
    }
}
