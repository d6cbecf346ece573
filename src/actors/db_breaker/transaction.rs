//! Transactions: retried when two of them conflict, and reported as an unknown outcome when COMMIT
//! was sent and not confirmed.
//!
//! A change of the catalogue locks the row of the epoch before anything else, in every operation:
//! then two of them never deadlock. It waits for this lock as long as `lock_timeout` allows, or
//! twice as long: the next in line waits for the holder of the row, the others for the next in
//! line. That another change takes so long is no fault of the database, so the wait is neutral, and
//! the refusal is overload.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager};
use rand::Rng;
use tokio::time::{Duration, Instant, timeout_at};

use super::circuit::Circuit;
use super::error::{DbError, QueryError};
use super::handle::DbBreakerHandle;
use super::shares::Share;
use super::verdict::{ErrorKind, classify, proves_rollback};
use crate::postgres::server_error::RecentErrors;
use crate::storage::catalogue_epochs::{self, LockedCatalogue};
use crate::storage::{StorageError, Transaction};
use crate::telemetry::traces::query_span::QuerySpan;

/// Attempts at a transaction that conflicts with another, the first included.
const MAX_ATTEMPTS: u32 = 4;
/// Longest pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Why a change of the catalogue is refused.
const WAITS_FOR_WRITER: &str = "another change of the catalogue takes too long";

/// Begins and ends transactions.
pub(super) type PgTransactionManager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// How a transaction is completed when its work has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completion {
    Commit,
    Rollback,
}

/// What all attempts at a transaction have in common.
struct Attempts<'a> {
    circuit: Circuit,
    operation: &'static str,
    completion: Completion,
    /// Whether the present attempt waits for another change of the catalogue.
    waits_for_writer: &'a AtomicBool,
}

impl DbBreakerHandle {
    /// Runs `work` in a transaction. After a serialisation failure or a deadlock `work` runs again,
    /// up to four times in all, so it must not have effects elsewhere. To change the catalogue, use
    /// [`DbBreakerHandle::change_catalogue`].
    ///
    /// # Errors
    /// See [`DbError`]; after any of them but [`DbError::UnknownOutcome`] nothing has been changed.
    pub async fn transaction<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let (completion, waits) = (Completion::Commit, AtomicBool::new(false));
        let attempts = Attempts { circuit, operation, completion, waits_for_writer: &waits };
        self.run_traced(Share::from_circuit(circuit), attempts, work).await
    }

    /// Runs a change of the catalogue in a transaction that locks the catalogue's epoch first, and
    /// passes to `work` what it has locked.
    ///
    /// # Errors
    /// As [`DbBreakerHandle::transaction`]; [`DbError::Overloaded`] if other changes take too long.
    pub async fn change_catalogue<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>, LockedCatalogue) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let (completion, waits) = (Completion::Commit, AtomicBool::new(false));
        let work = async |conn: &mut Transaction<'_>| {
            waits.store(true, Ordering::Relaxed);
            let locked = catalogue_epochs::lock(conn).await?;
            waits.store(false, Ordering::Relaxed);
            work(conn, locked).await
        };
        let attempts = Attempts { circuit, operation, completion, waits_for_writer: &waits };
        self.run_traced(Share::CatalogueWriters, attempts, work).await
    }

    /// Runs `work` in a transaction that reads one snapshot, cannot write or lock a row, and so
    /// blocks no other.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn read_snapshot<T>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let (completion, waits) = (Completion::Rollback, AtomicBool::new(false));
        let work = async |conn: &mut Transaction<'_>| {
            conn.read_one_snapshot().await?;
            work(conn).await
        };
        let attempts = Attempts { circuit, operation, completion, waits_for_writer: &waits };
        self.run_traced(Share::from_circuit(circuit), attempts, work).await
    }

    async fn run_traced<T>(
        &self,
        share: Share,
        attempts: Attempts<'_>,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let span = QuerySpan::begin(attempts.circuit.as_ref(), attempts.operation);
        let outcome = self.run_attempts(share, attempts, work).await;
        span.finish(outcome.as_ref().err().map(DbError::as_failure));
        outcome
    }

    async fn run_attempts<T>(
        &self,
        share: Share,
        attempts: Attempts<'_>,
        work: impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, DbError> {
        let Attempts { circuit, operation, .. } = attempts;
        let _turn = self.take_turn(share, circuit, operation).await?;
        let deadline = self.deadline();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=MAX_ATTEMPTS {
            match self.run_attempt(&attempts, deadline, &work).await {
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
        attempts: &Attempts<'_>,
        deadline: Instant,
        work: &impl AsyncFn(&mut Transaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, AttemptError> {
        let Attempts { circuit, operation, completion, waits_for_writer } = *attempts;
        waits_for_writer.store(false, Ordering::Relaxed);
        let lease = self.lease(circuit, operation, deadline).await;
        let mut lease = lease.map_err(AttemptError::Final)?;
        let (mut committing, started) = (false, Instant::now());
        let errors = lease.errors().clone();
        let connection = (lease.connection(), &errors);
        let outcome =
            timeout_at(deadline, run_transaction(connection, work, completion, &mut committing))
                .await;
        let took = started.elapsed();
        self.instruments().database.observe_query(operation, took);
        match outcome {
            Ok(Ok(_)) if errors.take_commit_not_replicated() => {
                self.mark_timed_out(&mut lease, circuit, operation);
                let source = QueryError::NotReplicated;
                Err(AttemptError::Final(DbError::UnknownOutcome { operation, source }))
            }
            Ok(Ok(value)) => {
                lease.mark_succeeded(took);
                Ok(value)
            }
            Ok(Err(error)) => {
                let waited = [ErrorKind::LockTimeout, ErrorKind::StatementTimeout];
                if waits_for_writer.load(Ordering::Relaxed)
                    && waited.contains(&classify(&error, &errors))
                {
                    lease.mark_waited();
                    let refused = self.overloaded(circuit, operation, WAITS_FOR_WRITER);
                    return Err(AttemptError::Final(refused));
                }
                let kind = self.mark_failed(&mut lease, circuit, operation, (&error, took));
                if kind == ErrorKind::Conflict {
                    Err(AttemptError::Conflict(error))
                } else if committing && !proves_rollback(&error, &errors) {
                    let source = error.into();
                    Err(AttemptError::Final(DbError::UnknownOutcome { operation, source }))
                } else if committing && kind == ErrorKind::LockTimeout {
                    let cause = "another transaction holds a lock for too long";
                    Err(AttemptError::Final(self.overloaded(circuit, operation, cause)))
                } else {
                    Err(AttemptError::Final(DbError::from_storage(operation, kind, error)))
                }
            }
            // This attempt began late: the server would have ended a longer wait.
            Err(_) if waits_for_writer.load(Ordering::Relaxed) && took < self.longest_wait() => {
                lease.mark_waiting();
                let refused = self.overloaded(circuit, operation, WAITS_FOR_WRITER);
                Err(AttemptError::Final(refused))
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
    (conn, errors): (&mut AsyncPgConnection, &RecentErrors),
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
                Err(_) if classify(&error, errors) == ErrorKind::ConnectionLost => Err(error),
                Err(rollback) => Err(rollback.into()),
            }
        }
    }
}
