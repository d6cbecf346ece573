//! The pool: how a connection is opened, and when it is spoilt.
//!
//! A query whose future is dropped goes on running on the server, and the next user of the
//! connection would wait behind it. So a connection is marked as in use before anything is sent and
//! as clean after the answer; one that comes back with the mark is thrown away.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8::{ErrorSink, ManageConnection, Pool, PooledConnection, RunError};
use diesel::{ConnectionError, QueryableByName};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::postgres::connection::Connector;

/// The pool of connections.
pub type DbPool = Pool<Manager>;

/// How big a pool is, and how long one waits for its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    pub max: u32,
    /// Connections kept open when idle.
    pub min: u32,
    /// Longest wait for a connection.
    pub wait: Duration,
}

/// A connection and whether something may still be under way on it.
#[allow(missing_debug_implementations)]
pub struct Slot {
    pub(super) connection: AsyncPgConnection,
    pub(super) in_use: bool,
}

/// Opens connections for the pool.
#[derive(Clone, Debug)]
pub struct Manager {
    pub(super) connector: Connector,
}

impl ManageConnection for Manager {
    type Connection = Slot;
    type Error = ConnectionError;

    async fn connect(&self) -> Result<Slot, ConnectionError> {
        Ok(Slot { connection: self.connector.connect().await?, in_use: false })
    }

    /// The mark tells more than a round trip would.
    async fn is_valid(&self, _: &mut Slot) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.in_use || slot.connection.is_broken()
    }
}

/// A connection from the pool on which nothing is under way. bb8 looks at connections when they
/// come back, not when they go out: those that the server closed in between (a restart closes them
/// all) are passed over here.
pub(super) async fn get(
    pool: &DbPool,
) -> Result<PooledConnection<'static, Manager>, RunError<ConnectionError>> {
    loop {
        let mut connection = pool.get_owned().await?;
        if !connection.connection.is_broken() {
            return Ok(connection);
        }
    }
}

/// One round trip on a connection beside the pool, which asks whether the server also takes writes;
/// the connection then joins the pool, if there is room.
pub(super) async fn probe(pool: &DbPool) -> Result<(), String> {
    let mut slot = pool.dedicated_connection().await.map_err(|error| error.to_string())?;
    let asked = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS takes_writes";
    let answer: Primary = diesel::sql_query(asked)
        .get_result(&mut slot.connection)
        .await
        .map_err(|error| error.to_string())?;
    if !answer.takes_writes {
        return Err("the server is read-only".into());
    }
    let _ = pool.add(slot);
    Ok(())
}

#[derive(QueryableByName)]
struct Primary {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    takes_writes: bool,
}

/// The last reason why a connection could not be opened; bb8 itself only says that it took too
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

/// Builds the pool; opens nothing yet.
pub(super) fn build(connector: Connector, settings: PoolSettings, errors: LastError) -> DbPool {
    Pool::builder()
        .max_size(settings.max)
        .min_idle(Some(settings.min.min(settings.max)))
        .connection_timeout(settings.wait)
        .test_on_check_out(false)
        .error_sink(Box::new(errors))
        .build_unchecked(Manager { connector })
}
