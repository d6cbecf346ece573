//! Transactions: retried when two of them conflict, and reported as an unknown outcome when COMMIT
//! was sent and not confirmed.

use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager};
use rand::Rng;
use tokio::time::{Duration, Instant, timeout_at};

use super::circuit::Circuit;
use super::error::{DbError, QueryError};
use super::handle::DbBreakerHandle;
use super::verdict::{ErrorKind, classify, proves_rollback};
use crate::storage::{StorageError, Transaction};

/// Attempts at a transaction that conflicts with another, the first included.
const MAX_ATTEMPTS: u32 = 4;
/// Longest pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

type PgTransactionManager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// How a transaction is completed when its work has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completion {
    Commit,
    Rollback,
}

impl DbBreakerHandle {
    /// Runs `work` in a transaction. After a serialisation failure or a deadlock `work` runs again,
    /// up to four times in all, so it must not have effects elsewhere.
    ///
    /// # Errors
    /// See [`DbError`]; after any of them but [`DbError::UnknownOutcome`] nothing has been changed.
    pub async fn transaction<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.run_attempts(circuit, operation, work, Completion::Commit).await
    }

    /// Runs `work` in a transaction that is always rolled back.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn dry_run<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.run_attempts(circuit, operation, work, Completion::Rollback).await
    }

    async fn run_attempts<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
        completion: Completion,
    ) -> Result<T, DbError> {
        let deadline = self.deadline();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=MAX_ATTEMPTS {
            match self.run_attempt(circuit, operation, deadline, &work, completion).await {
                Err(AttemptError::Conflict(_)) if attempt < MAX_ATTEMPTS => {
                    // Full jitter, so that the two do not conflict again.
                    tokio::time::sleep(pause.mul_f64(rand::rng().random::<f64>())).await;
                    pause = pause.saturating_mul(2);
                }
                Err(AttemptError::Conflict(error)) => {
                    return Err(DbError::Failed { operation, source: error.into() });
                }
                Err(AttemptError::Final(error)) => return Err(error),
                Ok(value) => return Ok(value),
            }
        }
        Err(DbError::unavailable(None))
    }

    async fn run_attempt<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        deadline: Instant,
        work: &impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
        completion: Completion,
    ) -> Result<T, AttemptError> {
        let lease = self.lease(circuit, operation, deadline).await;
        let mut lease = lease.map_err(AttemptError::Final)?;
        let (mut committing, started) = (false, Instant::now());
        let outcome = timeout_at(
            deadline,
            run_transaction(lease.connection(), work, completion, &mut committing),
        )
        .await;
        let took = started.elapsed();
        self.instruments().database.observe_query(operation, took);
        match outcome {
            Ok(Ok(value)) => {
                lease.mark_succeeded(took);
                Ok(value)
            }
            Ok(Err(error)) => {
                let kind = self.mark_failed(&mut lease, circuit, operation, (&error, took));
                if kind == ErrorKind::Conflict {
                    Err(AttemptError::Conflict(error))
                } else if committing && !proves_rollback(&error) {
                    let source = error.into();
                    Err(AttemptError::Final(DbError::UnknownOutcome { operation, source }))
                } else {
                    Err(AttemptError::Final(DbError::from_storage(operation, kind, error)))
                }
            }
            Err(_) => {
                self.mark_timed_out(&mut lease, circuit, operation);
                let source = QueryError::TimedOut;
                Err(AttemptError::Final(if committing {
                    DbError::UnknownOutcome { operation, source }
                } else {
                    DbError::Failed { operation, source }
                }))
            }
        }
    }
}

/// How an attempt ended without a result.
enum AttemptError {
    /// It conflicted with another transaction and can be run again.
    Conflict(StorageError),
    Final(DbError),
}

/// Runs one transaction; sets `committing` before COMMIT is sent. Diesel's own `transaction`
/// requires futures that are Send, and those of the handlers are not.
async fn run_transaction<T>(
    conn: &mut AsyncPgConnection,
    work: &impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    completion: Completion,
    committing: &mut bool,
) -> Result<T, StorageError> {
    PgTransactionManager::begin_transaction(conn).await?;
    match work(&mut Transaction::new(conn)).await {
        Ok(value) if completion == Completion::Commit => {
            *committing = true;
            PgTransactionManager::commit_transaction(conn).await?;
            Ok(value)
        }
        Ok(value) => {
            PgTransactionManager::rollback_transaction(conn).await?;
            Ok(value)
        }
        Err(error) => {
            match PgTransactionManager::rollback_transaction(conn).await {
                Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
                // The first error is the cause; the failed rollback shows in the connection.
                Err(_) if classify(&error) == ErrorKind::ConnectionLost => Err(error),
                Err(rollback) => Err(rollback.into()),
            }
        }
    }
}
