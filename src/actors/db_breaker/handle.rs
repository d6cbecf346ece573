//! The public interface of the breaker: async methods that send messages to the actor. Queries are
//! in `query`, transactions in `transaction`; how a call gets its permit and connection is in
//! `checkout`.

mod checkout;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Addr};
use slog::Logger;
use tokio::time::Instant;

use super::actor::DbBreaker;
use super::circuit::Circuit;
use super::error::DbError;
use super::events::BreakerEvents;
use super::failure_cause::FailureCause;
use super::lease::Lease;
use super::messages::{ControlCircuit, Inspect, SetPool, StopBreaker};
use super::pool::{self, LastError, PoolSettings};
use super::report::{CircuitReport, Control, PoolReport};
use super::shares::Shares;
use super::snapshot::Snapshot;
use super::state::{CircuitSettings, Prober};
use super::storage_check::StorageCheck;
use super::verdict::{ErrorKind, Verdict, classify};
use crate::postgres::connection::Connector;
use crate::postgres::server_connection::ServerConnection;
use crate::storage::StorageError;
use crate::telemetry::instruments::Instruments;

/// Longest wait for calls in flight when the pool is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs queries under the circuit breaker. Cheap to clone.
#[derive(Clone)]
pub struct DbBreakerHandle {
    breaker: Addr<DbBreaker>,
    snapshot: Arc<Snapshot>,
    waiting: Arc<AtomicU64>,
    shares: Shares,
    connector: Arc<Connector>,
    /// Cancels running queries; none for the embedded database, which has one connection only.
    cancel: Option<Arc<Connector>>,
    pool: PoolSettings,
    settings: CircuitSettings,
    errors: LastError,
    embedded: Option<StorageCheck>,
    instruments: Instruments,
    events: Arc<BreakerEvents>,
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
    /// Starts the actor. Until [`DbBreakerHandle::open_pool`] it refuses every call.
    /// `embedded` checks the disk of the embedded database, which has one connection: it can
    /// neither cancel queries nor be probed beside the pool.
    pub fn start(
        connector: Connector,
        pool: PoolSettings,
        settings: CircuitSettings,
        embedded: Option<StorageCheck>,
        instruments: Instruments,
        logger: Logger,
    ) -> Self {
        let snapshot = Arc::new(Snapshot::new(std::time::Instant::now()));
        let events = Arc::new(BreakerEvents::new(settings, logger));
        let prober = if embedded.is_none() { Prober::Dedicated } else { Prober::Caller };
        let breaker =
            DbBreaker::new(settings, prober, Arc::clone(&snapshot), Arc::clone(&events)).start();
        let (waiting, errors, connector) =
            (Arc::default(), LastError::default(), Arc::new(connector));
        let cancel = embedded.is_none().then(|| Arc::clone(&connector));
        Self {
            breaker,
            snapshot,
            waiting,
            shares: Shares::new(pool.max),
            connector,
            cancel,
            pool,
            settings,
            errors,
            embedded,
            instruments,
            events,
        }
    }

    /// Builds the pool and permits queries. Call it when the database has the current schema.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn open_pool(&self) -> Result<(), DbError> {
        let (connector, errors) = (Connector::clone(&self.connector), self.errors.clone());
        // A failure of the embedded database is final until its cause is removed.
        let pool = pool::build(connector, self.pool, errors, self.embedded.is_none());
        self.breaker.send(SetPool(Some(pool))).await.map_err(|_| DbError::Stopped)
    }

    /// Whether the actor runs. Once it has stopped, every call fails until the process restarts.
    pub fn is_running(&self) -> bool {
        self.breaker.connected()
    }

    /// Stops the actor; every later call fails with [`DbError::Stopped`]. For tests.
    pub async fn stop(&self) {
        let _ = self.breaker.send(StopBreaker).await;
    }

    /// Refuses new calls and waits up to 5 s for those in flight.
    pub async fn close_pool(&self) {
        let _ = self.breaker.send(SetPool(None)).await;
        let until = Instant::now() + CLOSE_TIMEOUT;
        while Instant::now() < until && self.in_flight().await.is_ok_and(|calls| calls > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the number of calls in flight.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn in_flight(&self) -> Result<u64, DbError> {
        Ok(self.report().await?.0.iter().map(|circuit| circuit.in_flight).sum())
    }

    /// Returns the state of all circuits and of the pool.
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

    pub(super) fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// Isolates, closes or resets a circuit; the reason goes into the log.
    ///
    /// # Errors
    /// [`DbError::Stopped`].
    pub async fn control(
        &self,
        circuit: Circuit,
        control: Control,
        reason: String,
    ) -> Result<(), DbError> {
        self.breaker
            .send(ControlCircuit(circuit, control, reason))
            .await
            .map_err(|_| DbError::Stopped)
    }

    /// Opens a connection outside the pool, without a statement timeout, for migrations and
    /// notifications.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the connection.
    pub async fn administrative_connection(
        &self,
    ) -> Result<ServerConnection, diesel::ConnectionError> {
        self.connector.administrative().connect().await
    }

    /// Whether connections keep their session, as all that this service does needs; a pooler in
    /// transaction mode gives each transaction another one.
    ///
    /// # Errors
    /// When two connections cannot be opened.
    pub async fn keeps_sessions(&self) -> Result<bool, diesel::ConnectionError> {
        self.connector.keeps_sessions().await
    }

    /// Records that a call exceeded its deadline.
    pub(super) fn mark_timed_out(
        &self,
        lease: &mut Lease,
        circuit: Circuit,
        operation: &'static str,
    ) {
        lease.mark_timed_out();
        self.events.failed(circuit, operation, FailureCause::Deadline);
    }

    /// Records the error of a call, and returns its kind.
    pub(super) fn mark_failed(
        &self,
        lease: &mut Lease,
        circuit: Circuit,
        operation: &'static str,
        (error, took): (&StorageError, Duration),
    ) -> ErrorKind {
        let kind = classify(error, lease.errors());
        lease.mark_failed(kind, error, took);
        if let Verdict::Failure(cause) = kind.verdict() {
            self.events.failed(circuit, operation, cause);
            if self.embedded.is_some() {
                let handle = self.clone();
                tokio::spawn(async move { handle.explain_failure().await });
            }
        }
        kind
    }

    pub(super) fn max_connections(&self) -> u32 {
        self.pool.max
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.timeout
    }
}
