//! Recognises a connection pooler that gives each transaction another session (`PgBouncer`:
//! `pool_mode=transaction` or `statement`). `LISTEN`, prepared statements, `SET` and advisory locks
//! need a session of their own.

use diesel::ConnectionError;
use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::postgres::connection::{Connector, timed_out};
use crate::postgres::dial::into_connection_error;

/// What to do about such a pooler.
pub const TRANSACTION_MODE: &str = "DATABASE_URL leads to a connection pooler that gives each \
     transaction another session; set pool_mode=session for this database in PgBouncer, or connect \
     to the server itself";

/// Number of comparisons. In a pooler that is otherwise idle the first one is enough, because it
/// hands out the session that was released last; other clients may take it in between.
const ROUNDS: usize = 3;

impl Connector {
    /// Whether each of two connections keeps a session of its own. Without that they are seen to
    /// have the same one although both are open, or one is seen to change its session. Sets nothing
    /// on the server, because in such a pooler a setting would reach other clients.
    ///
    /// # Errors
    /// When two connections cannot be opened.
    pub async fn keeps_sessions(&self) -> Result<bool, ConnectionError> {
        // A pooler without a free session lets the second connection wait.
        let limit = self.connect_timeout().saturating_mul(2);
        timeout(limit, self.compare_sessions()).await.unwrap_or_else(|_| timed_out())
    }

    async fn compare_sessions(&self) -> Result<bool, ConnectionError> {
        let (first, second) = (self.try_hosts(false).await?, self.try_hosts(false).await?);
        for _ in 0..ROUNDS {
            let before = session(&first.client).await?;
            let other = session(&second.client).await?;
            let after = session(&first.client).await?;
            if before == other || before != after {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Identifies the session on the server. Several servers may use the same process id.
async fn session(client: &Client) -> Result<String, ConnectionError> {
    let statement = "SELECT concat_ws(' ', pg_backend_pid(), pg_postmaster_start_time(), \
                     inet_server_addr(), inet_server_port())";
    let messages = client.simple_query(statement).await;
    let messages = messages.map_err(|error| into_connection_error(&error))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    row.map(ToOwned::to_owned)
        .ok_or_else(|| ConnectionError::BadConnection("the session has no id".to_owned()))
}
