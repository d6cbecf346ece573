//! The connection pool: how a connection is opened, and when it is discarded.
//!
//! A query whose future is dropped goes on running on the server, and the next user of the
//! connection would wait for it. So a connection is marked as in use before anything is sent and as
//! clean after the answer; one that comes back with the mark is discarded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8::{ErrorSink, ManageConnection, Pool, PooledConnection, RunError};
use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection;
use tokio::sync::Notify;

use super::generation::{Generation, Generations};
use crate::postgres::connection::Connector;
use crate::postgres::server_connection::ServerConnection;

/// The pool of database connections.
pub type DbPool = Pool<ConnectionManager>;

/// Size of a pool, and how long callers wait for its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    pub max: u32,
    /// Connections kept open when idle.
    pub min: u32,
    /// Longest wait for a connection.
    pub wait: Duration,
}

/// A connection, and whether a query may still run on it.
#[allow(missing_debug_implementations)]
pub struct TrackedConnection {
    pub(super) connection: ServerConnection,
    pub(super) in_use: bool,
    /// Whether a server that accepts no writes is as good as one that does.
    pub(super) only_reads: bool,
    generation: Generation,
}

impl TrackedConnection {
    /// Discards this connection and all that were opened before now, once they are not in use.
    pub(super) fn retire_generation(&self) {
        self.generation.retire();
    }

    fn is_usable(&mut self) -> bool {
        !self.generation.is_retired() && !self.connection.is_broken()
    }
}

/// Opens and checks connections for the pool.
#[derive(Clone, Debug)]
pub struct ConnectionManager {
    pub(super) connector: Connector,
    generations: Generations,
}

impl ManageConnection for ConnectionManager {
    type Connection = TrackedConnection;
    type Error = ConnectionError;

    async fn connect(&self) -> Result<TrackedConnection, ConnectionError> {
        let connection = self.connector.connect().await?;
        let generation = self.generations.join(&connection.host());
        let only_reads = self.connector.only_reads();
        Ok(TrackedConnection { connection, in_use: false, only_reads, generation })
    }

    /// Always valid: the mark says more than a round trip would.
    async fn is_valid(&self, _: &mut TrackedConnection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, tracked: &mut TrackedConnection) -> bool {
        tracked.in_use || !tracked.is_usable()
    }
}

/// Takes a clean connection from the pool. bb8 checks connections when they come back, not when
/// they go out, so those that the server closed in between (at a restart: all) are skipped here.
pub(super) async fn get(
    pool: &DbPool,
) -> Result<PooledConnection<'static, ConnectionManager>, RunError<ConnectionError>> {
    loop {
        let mut connection = pool.get_owned().await?;
        if connection.is_usable() {
            return Ok(connection);
        }
    }
}

/// The last reason why a connection could not be opened; bb8 itself only reports that it took too
/// long.
#[derive(Clone, Debug, Default)]
pub(super) struct LastError(Arc<KnownErrors>);

#[derive(Debug, Default)]
struct KnownErrors {
    last: Mutex<Option<String>>,
    /// The one that was taken from `last`.
    taken: Mutex<Option<String>>,
    failed: Notify,
}

impl LastError {
    pub(super) fn take(&self) -> Option<String> {
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if last.is_some() {
            self.0.taken.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&last);
        }
        last
    }

    /// Returns the error that another caller has taken.
    pub(super) fn previous(&self) -> Option<String> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a connection cannot be opened.
    pub(super) async fn next(&self) {
        self.0.failed.notified().await;
    }
}

impl ErrorSink<ConnectionError> for LastError {
    fn sink(&self, error: ConnectionError) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.0.failed.notify_waiters();
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<ConnectionError>> {
        Box::new(self.clone())
    }
}

/// Builds the pool; opens no connection yet. Without `retries` a failure to connect is reported at
/// once, else when the time limit is over.
pub(super) fn build(
    connector: Connector,
    settings: PoolSettings,
    errors: LastError,
    retries: bool,
) -> DbPool {
    Pool::builder()
        .max_size(settings.max)
        .min_idle(Some(settings.min.min(settings.max)))
        .connection_timeout(settings.wait)
        .retry_connection(retries)
        .test_on_check_out(false)
        .error_sink(Box::new(errors))
        .build_unchecked(ConnectionManager { connector, generations: Generations::default() })
}
