//! The only door: plain async methods.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Addr};
use diesel_async::AsyncPgConnection;
use slog::Logger;
use tokio::time::{Instant, timeout_at};

use super::actor::{Checkout, DbBreaker, Inspect, SetPool, Steer, Stop};
use super::circuit::Circuit;
use super::error::DbError;
use super::lease::Lease;
use super::pool::{self, LastError, PoolSettings};
use super::report::{CircuitReport, Control, PoolReport};
use super::snapshot::Snapshot;
use super::state::Settings;
use super::verdict::kind;
use crate::postgres::connection::Connector;
use crate::storage::StorageError;
use crate::telemetry::instruments::Instruments;

/// How long an idle database may take to close its connections when the service stops.
const CLOSING: Duration = Duration::from_secs(5);
/// How many callers may wait for each connection; the rest is told to come back.
const WAITING_FOR_EACH: u64 = 32;

/// Runs queries. Cheap to clone.
#[derive(Clone)]
pub struct DbBreakerHandle {
    breaker: Addr<DbBreaker>,
    snapshot: Arc<Snapshot>,
    waiting: Arc<AtomicU64>,
    connector: Arc<Connector>,
    /// Where running queries are cancelled; none for the embedded database, which has one
    /// connection only.
    cancel: Option<Arc<Connector>>,
    pool: PoolSettings,
    settings: Settings,
    errors: LastError,
    instruments: Instruments,
    logger: Logger,
}

impl std::fmt::Debug for DbBreakerHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DbBreakerHandle")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl DbBreakerHandle {
    /// Starts the actor. Until [`DbBreakerHandle::open`] everything is refused. `cancels` is false
    /// for the embedded database, which has one connection only: no second one to cancel or to
    /// probe on.
    pub fn start(
        connector: Connector,
        pool: PoolSettings,
        settings: Settings,
        cancels: bool,
        instruments: Instruments,
        logger: Logger,
    ) -> Self {
        let snapshot = Arc::new(Snapshot::new(std::time::Instant::now()));
        let breaker =
            DbBreaker::new(settings, Arc::clone(&snapshot), cancels, logger.clone()).start();
        let (waiting, errors, connector) =
            (Arc::default(), LastError::default(), Arc::new(connector));
        let cancel = cancels.then(|| Arc::clone(&connector));
        Self {
            breaker,
            snapshot,
            waiting,
            connector,
            cancel,
            pool,
            settings,
            errors,
            instruments,
            logger,
        }
    }

    /// Lets queries through: the database was reached and its schema is up to date.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn open(&self) -> Result<(), DbError> {
        let pool = pool::build(Connector::clone(&self.connector), self.pool, self.errors.clone());
        self.breaker.send(SetPool(Some(pool))).await.map_err(|_| DbError::Stopped)
    }

    /// Whether the actor runs; once it has stopped, nothing can be asked until the process is
    /// restarted.
    pub fn is_running(&self) -> bool {
        self.breaker.connected()
    }

    /// Stops the actor: from here on everything is [`DbError::Stopped`]. For tests.
    pub async fn stop(&self) {
        let _ = self.breaker.send(Stop).await;
    }

    /// Lets nothing through any more, and waits for calls under way, for a while.
    pub async fn close(&self) {
        let _ = self.breaker.send(SetPool(None)).await;
        let until = Instant::now() + CLOSING;
        while Instant::now() < until && self.in_flight().await.is_ok_and(|calls| calls > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Calls that are under way.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn in_flight(&self) -> Result<u64, DbError> {
        Ok(self.report().await?.0.iter().map(|circuit| circuit.in_flight).sum())
    }

    /// How the circuits and the pool are.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn report(&self) -> Result<(Vec<CircuitReport>, PoolReport), DbError> {
        let (circuits, pool) = self.breaker.send(Inspect).await.map_err(|_| DbError::Stopped)?;
        let state = pool.map(|pool| pool.state());
        let pool = PoolReport {
            active: state
                .as_ref()
                .map_or(0, |state| state.connections.saturating_sub(state.idle_connections)),
            idle: state.as_ref().map_or(0, |state| state.idle_connections),
            waiting: self.waiting.load(Ordering::Relaxed),
            max: self.pool.max,
        };
        Ok((circuits, pool))
    }

    /// Where it counts.
    pub(super) fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// Does what an operator wants with a circuit; the reason goes into the log.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn steer(
        &self,
        circuit: Circuit,
        control: Control,
        reason: String,
    ) -> Result<(), DbError> {
        self.breaker.send(Steer(circuit, control, reason)).await.map_err(|_| DbError::Stopped)
    }

    /// A connection outside the pool, for migrations, without a limit to its statements.
    ///
    /// # Errors
    /// What the way there or the server says.
    pub async fn administrative_connection(
        &self,
    ) -> Result<AsyncPgConnection, diesel::ConnectionError> {
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
        let deadline = self.deadline();
        let mut lease = self.lease(circuit, operation, deadline).await?;
        let began = Instant::now();
        let outcome = timeout_at(deadline, work(&mut lease.slot().connection)).await;
        self.instruments.database.query(operation, circuit.table(), began.elapsed());
        match outcome {
            Err(_) => {
                lease.timed_out();
                Err(DbError::Failed { cause: format!("{operation} took too long") })
            }
            Ok(Ok(value)) => {
                lease.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => {
                let kind = kind(&error);
                lease.answered(kind, &error.to_string());
                Err(DbError::of(kind, error))
            }
        }
    }

    /// A permit and a connection.
    pub(super) async fn lease(
        &self,
        circuit: Circuit,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<Lease, DbError> {
        // The snapshot may say "open" of an actor that will never close it.
        if !self.is_running() {
            return Err(DbError::Stopped);
        }
        if let Some(retry_after) = self.snapshot.refusal(circuit, std::time::Instant::now()) {
            return Err(DbError::refused(Some(retry_after)));
        }
        let _waiting = Waiting::enter(
            &self.waiting,
            u64::from(self.pool.max).saturating_mul(WAITING_FOR_EACH),
        )
        .ok_or_else(|| DbError::refused(None))?;
        let granted = self.breaker.send(Checkout(circuit)).await.map_err(|_| DbError::Stopped)?;
        let mut permit = granted.map_err(DbError::refused)?;
        if let Ok(Ok(connection)) = timeout_at(deadline, pool::get(&permit.pool)).await {
            self.errors.take();
            return Ok(Lease::new(connection, permit, self.cancel.clone()));
        }
        // With a cause, or without any connection, the database could not be reached; otherwise all
        // were busy, which is load, not illness.
        let none = permit.pool.state().connections == 0;
        let cause = self
            .errors
            .take()
            .or_else(|| none.then(|| "no connection was opened in time".to_owned()));
        if let Some(cause) = &cause {
            permit.unreachable(cause);
        }
        slog::warn!(self.logger, "no database connection";
            "operation" => operation, "circuit" => circuit.as_ref(),
            "cause" => cause.as_deref().unwrap_or("all connections are busy"));
        Err(DbError::refused(None))
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.timeout
    }
}

/// A place among the waiting, given back when it is dropped.
struct Waiting(Arc<AtomicU64>);

impl Waiting {
    fn enter(count: &Arc<AtomicU64>, most: u64) -> Option<Self> {
        let entered = Self(Arc::clone(count));
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(entered)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
