//! The only door: plain async methods.

use std::time::Duration;

use actix::{Actor, Addr};
use diesel_async::AsyncPgConnection;
use slog::Logger;
use tokio::time::{Instant, timeout_at};

use super::actor::{Breaker, Checkout, Close, Inspect, Open};
use super::circuit::Circuit;
use super::error::DbError;
use super::permit::Permit;
use super::pool::{self, LastError, PoolSettings, Slot};
use super::verdict::{Verdict, kind};
use crate::storage::StorageError;
use crate::storage::connection::Connector;

/// How long an idle database may take to close its connections when the service stops.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs queries. Cheap to clone.
#[derive(Clone)]
pub struct DbBreaker {
    breaker: Addr<Breaker>,
    connector: Connector,
    pool: PoolSettings,
    /// Longest that one call may take, connection included.
    timeout: Duration,
    /// Whether the server can be asked, on another connection, to stop a query.
    cancels: bool,
    errors: LastError,
    logger: Logger,
}

impl std::fmt::Debug for DbBreaker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DbBreaker").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl DbBreaker {
    /// Starts the actor. Until [`DbBreaker::open`] everything is refused. `cancels` is false for the embedded database,
    /// which has one connection only.
    pub fn start(connector: Connector, pool: PoolSettings, timeout: Duration, cancels: bool, logger: Logger) -> Self {
        let breaker = Breaker::new().start();
        Self { breaker, connector, pool, timeout, cancels, errors: LastError::default(), logger }
    }

    /// Lets queries through: the database was reached and its schema is up to date.
    pub async fn open(&self) {
        let pool = pool::build(self.connector.clone(), self.pool, self.errors.clone());
        // The actor lives as long as the System; if that is gone there is nothing to open.
        let _ = self.breaker.send(Open(pool)).await;
    }

    /// Lets nothing through any more, and waits for calls under way, for a while.
    pub async fn close(&self) {
        let _ = self.breaker.send(Close).await;
        let until = Instant::now() + CLOSING;
        while Instant::now() < until && self.in_flight().await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Calls that are under way.
    pub async fn in_flight(&self) -> u64 {
        self.breaker.send(Inspect).await.unwrap_or_default().in_flight
    }

    /// A connection outside the pool, for migrations, without a limit to its statements.
    ///
    /// # Errors
    /// What the way there or the server says.
    pub async fn administrative_connection(&self) -> Result<AsyncPgConnection, diesel::ConnectionError> {
        self.connector.administrative().connect().await
    }

    /// Runs one query, or several that need no transaction.
    ///
    /// # Errors
    /// See [`DbError`]. When the caller goes away, the query is cancelled on the server.
    pub async fn run<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let deadline = Instant::now() + self.timeout;
        let mut lease = self.lease(circuit, operation).await?;
        let Some(slot) = lease.slot() else { return Err(DbError::unavailable()) };
        let outcome = timeout_at(deadline, work(&mut slot.connection)).await;
        match outcome {
            Err(_) => {
                lease.permit.verdict = Verdict::Failure;
                Err(DbError::Failed { cause: format!("{operation} took too long") })
            }
            Ok(Ok(value)) => {
                lease.clean(Verdict::Alive);
                Ok(value)
            }
            Ok(Err(error)) => {
                let kind = kind(&error);
                lease.answered(kind);
                Err(DbError::of(kind, error))
            }
        }
    }

    /// A permit and a connection, marked as in use.
    pub(super) async fn lease(&self, circuit: Circuit, operation: &'static str) -> Result<Lease, DbError> {
        let permit = self.breaker.send(Checkout(circuit)).await.ok().flatten().ok_or_else(DbError::unavailable)?;
        let mut lease = Lease { connection: None, permit, breaker: self.clone() };
        if let Ok(mut connection) = pool::get(&lease.permit.pool).await {
            connection.in_use = true;
            lease.connection = Some(connection);
            Ok(lease)
        } else {
            // With a cause the database could not be reached; without one all connections were busy, which is
            // load, not illness.
            let cause = self.errors.take();
            if cause.is_some() {
                lease.permit.verdict = Verdict::Failure;
            }
            slog::warn!(self.logger, "no database connection";
                "operation" => operation, "circuit" => circuit.as_ref(),
                "cause" => cause.as_deref().unwrap_or("all connections are busy"));
            Err(DbError::unavailable())
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// A connection in use. Dropped in mid-query it cancels the query on the server; the spoilt connection is thrown away.
pub(super) struct Lease {
    connection: Option<bb8::PooledConnection<'static, pool::Manager>>,
    pub(super) permit: Permit,
    breaker: DbBreaker,
}

impl Lease {
    pub(super) fn slot(&mut self) -> Option<&mut Slot> {
        self.connection.as_deref_mut()
    }

    /// Nothing is under way on the connection any more.
    pub(super) fn clean(&mut self, verdict: Verdict) {
        self.permit.verdict = verdict;
        if let Some(slot) = self.connection.as_deref_mut() {
            slot.in_use = false;
        }
    }

    /// The database answered with an error; after a broken one the connection is of no more use.
    pub(super) fn answered(&mut self, kind: super::verdict::Kind) {
        if kind == super::verdict::Kind::Broken {
            self.permit.verdict = Verdict::Failure;
        } else {
            self.clean(kind.verdict());
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(slot) = self.connection.as_deref_mut() else { return };
        if slot.in_use && self.breaker.cancels && tokio::runtime::Handle::try_current().is_ok() {
            let (connector, token) = (self.breaker.connector.clone(), slot.connection.cancel_token());
            tokio::spawn(async move { connector.cancel(token).await });
        }
    }
}
