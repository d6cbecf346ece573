//! Queries that need no transaction.

use diesel_async::AsyncPgConnection;
use tokio::time::{Instant, timeout_at};

use super::circuit::Circuit;
use super::error::{DbError, QueryError};
use super::handle::DbBreakerHandle;
use super::shares::Share;
use crate::storage::StorageError;
use crate::telemetry::traces::query_span::QuerySpan;

impl DbBreakerHandle {
    /// Runs one query, or several that need no transaction. If the future is dropped, the query is
    /// cancelled on the server.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn run<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.run_in_share(Share::from_circuit(circuit), circuit, operation, work).await
    }

    /// Runs a query of the catalogue that must find a connection however busy the catalogue is.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn run_reserved<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.run_in_share(Share::Whole, circuit, operation, work).await
    }

    async fn run_in_share<T>(
        &self,
        share: Share,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let span = QuerySpan::begin(circuit.as_ref(), operation);
        let outcome = self.run_query(share, circuit, operation, work).await;
        span.finish(outcome.as_ref().err().map(DbError::as_failure));
        outcome
    }

    async fn run_query<T>(
        &self,
        share: Share,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let _turn = self.take_turn(share, circuit, operation).await?;
        let deadline = self.deadline();
        let mut lease = self.lease(circuit, operation, deadline).await?;
        let started = Instant::now();
        let outcome = timeout_at(deadline, work(lease.connection())).await;
        let took = started.elapsed();
        self.instruments().database.observe_query(operation, took);
        match outcome {
            Err(_) => {
                self.mark_timed_out(&mut lease, circuit, operation);
                Err(DbError::Failed { operation, source: QueryError::TimedOut })
            }
            Ok(Ok(_)) if lease.errors().take_commit_not_replicated() => {
                self.mark_timed_out(&mut lease, circuit, operation);
                Err(DbError::UnknownOutcome { operation, source: QueryError::NotReplicated })
            }
            Ok(Ok(value)) => {
                lease.mark_succeeded(took);
                Ok(value)
            }
            Ok(Err(error)) => {
                let kind = self.mark_failed(&mut lease, circuit, operation, (&error, took));
                Err(DbError::from_storage(operation, kind, error))
            }
        }
    }
}
