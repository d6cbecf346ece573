//! The type by which a storage function says that it must run inside a transaction.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use super::StorageError;

/// A connection on which a transaction is open. Functions that lock rows or write several of them
/// take this instead of a plain connection, so that the compiler refuses a call outside of a
/// transaction. It can be used wherever a connection can.
pub struct Transaction<'conn>(&'conn mut AsyncPgConnection);

impl<'conn> Transaction<'conn> {
    /// Wraps a connection on which the caller has begun a transaction. Called by
    /// `actors::db_breaker` alone (`transaction`, `batches`), which also ends it.
    pub fn new(connection: &'conn mut AsyncPgConnection) -> Self {
        Self(connection)
    }

    /// Lets all further statements read one snapshot, and refuses those that write or lock rows.
    /// Must come before the first of them.
    pub async fn read_one_snapshot(&mut self) -> Result<(), StorageError> {
        let settings = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        Ok(self.0.batch_execute(settings).await?)
    }

    /// Lets this transaction, which waits for a slow reader of its data between two statements, be
    /// idle for so long; the limit of the session is shorter.
    pub async fn allow_idle(&mut self, limit: Duration) -> Result<(), StorageError> {
        let milliseconds = limit.as_millis();
        let settings = format!("SET LOCAL idle_in_transaction_session_timeout = {milliseconds}");
        Ok(self.0.batch_execute(&settings).await?)
    }
}

impl Deref for Transaction<'_> {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}
