//! The connection pool: how a connection is opened, and when it is discarded.
//!
//! A query whose future is dropped goes on running on the server, and the next user of the
//! connection would wait for it. So a connection is marked as in use before anything is sent and as
//! clean after the answer; one that comes back with the mark is discarded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8::{ErrorSink, ManageConnection, Pool, PooledConnection, RunError};
use diesel::{ConnectionError, QueryableByName};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use thiserror::Error;

use super::circuits::ProbeResult;
use super::verdict::is_connection_limit;
use crate::postgres::connection::Connector;
use crate::telemetry::error_chain;

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
    pub(super) connection: AsyncPgConnection,
    pub(super) in_use: bool,
}

/// Opens and checks connections for the pool.
#[derive(Clone, Debug)]
pub struct ConnectionManager {
    pub(super) connector: Connector,
}

impl ManageConnection for ConnectionManager {
    type Connection = TrackedConnection;
    type Error = ConnectionError;

    async fn connect(&self) -> Result<TrackedConnection, ConnectionError> {
        Ok(TrackedConnection { connection: self.connector.connect().await?, in_use: false })
    }

    /// Always valid: the mark says more than a round trip would.
    async fn is_valid(&self, _: &mut TrackedConnection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, tracked: &mut TrackedConnection) -> bool {
        tracked.in_use || tracked.connection.is_broken()
    }
}

/// Takes a clean connection from the pool. bb8 checks connections when they come back, not when
/// they go out, so those that the server closed in between (at a restart: all) are skipped here.
pub(super) async fn get(
    pool: &DbPool,
) -> Result<PooledConnection<'static, ConnectionManager>, RunError<ConnectionError>> {
    loop {
        let mut connection = pool.get_owned().await?;
        if !connection.connection.is_broken() {
            return Ok(connection);
        }
    }
}

/// Why a probe failed.
#[derive(Debug, Error)]
pub(super) enum ProbeError {
    #[error(transparent)]
    Connect(#[from] ConnectionError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("the server is read-only")]
    ReadOnly,
    #[error("timed out")]
    TimedOut,
}

impl ProbeError {
    /// Returns what the error says about the server.
    pub(super) fn into_result(self) -> ProbeResult {
        let text = error_chain(&self);
        if is_connection_limit(&text) {
            ProbeResult::Inconclusive(text)
        } else {
            ProbeResult::Unavailable(text)
        }
    }
}

/// Opens a connection beside the pool and checks in one round trip that the server accepts writes;
/// the connection then joins the pool, if the pool is not full.
pub(super) async fn probe(pool: &DbPool) -> Result<(), ProbeError> {
    let mut tracked = pool.dedicated_connection().await?;
    let sql = "SELECT NOT pg_is_in_recovery() \
               AND current_setting('transaction_read_only') = 'off' AS accepts_writes";
    let row: ServerRole = diesel::sql_query(sql).get_result(&mut tracked.connection).await?;
    if !row.accepts_writes {
        return Err(ProbeError::ReadOnly);
    }
    let _ = pool.add(tracked);
    Ok(())
}

#[derive(QueryableByName)]
struct ServerRole {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    accepts_writes: bool,
}

/// The last reason why a connection could not be opened; bb8 itself only reports that it took too
/// long.
#[derive(Clone, Debug, Default)]
pub(super) struct LastError(Arc<Mutex<Option<String>>>);

impl LastError {
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ErrorSink<ConnectionError> for LastError {
    fn sink(&self, error: ConnectionError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<ConnectionError>> {
        Box::new(self.clone())
    }
}

/// Builds the pool; opens no connection yet.
pub(super) fn build(connector: Connector, settings: PoolSettings, errors: LastError) -> DbPool {
    Pool::builder()
        .max_size(settings.max)
        .min_idle(Some(settings.min.min(settings.max)))
        .connection_timeout(settings.wait)
        .test_on_check_out(false)
        .error_sink(Box::new(errors))
        .build_unchecked(ConnectionManager { connector })
}
