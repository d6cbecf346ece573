//! Transactions: all or nothing, again when two of them meet, and honest when the end is not known.

use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager};
use rand::Rng;
use tokio::time::{Duration, Instant, timeout_at};

use super::circuit::Circuit;
use super::error::DbError;
use super::handle::DbBreakerHandle;
use super::verdict::{Kind, kind};
use crate::storage::StorageError;

/// How often a transaction that met another is begun in all.
const ATTEMPTS: u32 = 4;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE: Duration = Duration::from_millis(20);

type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// How a transaction ends when its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

impl DbBreakerHandle {
    /// Runs `work` in a transaction. After a serialisation failure or a deadlock it is done again,
    /// a few times, so it must not have effects elsewhere.
    ///
    /// # Errors
    /// See [`DbError`]; after any of them but [`DbError::UnknownOutcome`] nothing has been changed.
    pub async fn transaction<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.attempts(circuit, operation, work, End::Commit).await
    }

    /// Runs `work` in a transaction and takes everything back: a dry run.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn rehearse<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        self.attempts(circuit, operation, work, End::Rollback).await
    }

    async fn attempts<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
        end: End,
    ) -> Result<T, DbError> {
        let deadline = self.deadline();
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            match self.attempt(circuit, operation, deadline, &work, end).await {
                Err(Ended::Met(_)) if attempt < ATTEMPTS => {
                    // Full jitter, so that the two do not meet again.
                    tokio::time::sleep(pause.mul_f64(rand::rng().random::<f64>())).await;
                    pause = pause.saturating_mul(2);
                }
                Err(Ended::Met(cause)) => return Err(DbError::Failed { cause }),
                Err(Ended::With(error)) => return Err(error),
                Ok(value) => return Ok(value),
            }
        }
        Err(DbError::refused(None))
    }

    async fn attempt<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        deadline: Instant,
        work: &impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
        end: End,
    ) -> Result<T, Ended> {
        let mut lease = self.lease(circuit, operation, deadline).await.map_err(Ended::With)?;
        let (mut committing, began) = (false, Instant::now());
        let outcome =
            timeout_at(deadline, run(&mut lease.slot().connection, work, end, &mut committing))
                .await;
        self.instruments().database.query(operation, circuit.table(), began.elapsed());
        match outcome {
            Ok(Ok(value)) => {
                lease.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => {
                let kind = kind(&error);
                lease.answered(kind, &error.to_string());
                match kind {
                    Kind::Retry => Err(Ended::Met(format!("{error:?}"))),
                    Kind::Broken if committing => Err(Ended::With(DbError::UnknownOutcome {
                        cause: format!("{operation}: {error:?}"),
                    })),
                    kind => Err(Ended::With(DbError::of(kind, error))),
                }
            }
            Err(_) => {
                lease.timed_out();
                let cause = format!("{operation} took too long");
                Err(Ended::With(if committing {
                    DbError::UnknownOutcome { cause }
                } else {
                    DbError::Failed { cause }
                }))
            }
        }
    }
}

/// How an attempt ended without a result.
enum Ended {
    /// It met another transaction.
    Met(String),
    With(DbError),
}

/// Diesel's own `transaction` asks for futures that are Send; our handlers' are not.
async fn run<T>(
    conn: &mut AsyncPgConnection,
    work: &impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
    end: End,
    committing: &mut bool,
) -> Result<T, StorageError> {
    Manager::begin_transaction(conn).await?;
    match work(conn).await {
        Ok(value) if end == End::Commit => {
            *committing = true;
            Manager::commit_transaction(conn).await?;
            Ok(value)
        }
        Ok(value) => {
            Manager::rollback_transaction(conn).await?;
            Ok(value)
        }
        Err(error) => {
            match Manager::rollback_transaction(conn).await {
                Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
                // The first error says why; that the rollback failed too shows in the connection.
                Err(_) if kind(&error) == Kind::Broken => Err(error),
                Err(rollback) => Err(rollback.into()),
            }
        }
    }
}
