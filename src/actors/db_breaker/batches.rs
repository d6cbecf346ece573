//! Reads one snapshot batch by batch, and waits between two statements until a batch is taken. Each
//! statement has the time limit of a call; the waits are no time of the database: they are bounded
//! by a limit for the whole, whose end says nothing about its health. Transactions without such
//! waits are in `transaction`.

use std::ops::ControlFlow;

use diesel_async::{AsyncPgConnection, TransactionManager};
use tokio::time::{Duration, Instant, timeout_at};

use super::circuit::Circuit;
use super::error::{DbError, QueryError};
use super::handle::DbBreakerHandle;
use super::shares::Share;
use super::transaction::PgTransactionManager;
use crate::storage::{StorageError, Transaction};

/// Why reading stopped.
enum Stop {
    /// A statement failed after this time.
    Failed(StorageError, Duration),
    /// A statement exceeded its time limit.
    TimedOut,
    /// The batches were taken too slowly.
    Expired,
}

/// Runs the statements of one transaction, each within the time limit of a call.
struct Statements<'a> {
    handle: &'a DbBreakerHandle,
    operation: &'static str,
    slowest: Duration,
}

impl Statements<'_> {
    async fn run<T>(
        &mut self,
        statement: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, Stop> {
        let started = Instant::now();
        let outcome = timeout_at(self.handle.deadline(), statement).await;
        let took = started.elapsed();
        self.handle.instruments().database.observe_query(self.operation, took);
        self.slowest = self.slowest.max(took);
        match outcome {
            Ok(result) => result.map_err(|error| Stop::Failed(error, took)),
            Err(_) => Err(Stop::TimedOut),
        }
    }
}

impl DbBreakerHandle {
    /// Calls `read` for one batch after the other in a transaction that reads one snapshot, and
    /// passes each to `deliver`, until there is none or `deliver` breaks. `read` may run a few
    /// statements. The whole takes at most `limit`.
    ///
    /// # Errors
    /// See [`DbError`]; [`DbError::Overloaded`] after `limit`.
    pub async fn read_batches<P: Default, B>(
        &self,
        circuit: Circuit,
        operation: &'static str,
        limit: Duration,
        read: impl AsyncFn(&mut Transaction<'_>, &mut P) -> Result<Option<B>, StorageError>,
        deliver: impl AsyncFn(B) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let _turn = self.take_turn(Share::from_circuit(circuit), circuit, operation).await?;
        let mut lease = self.lease(circuit, operation, self.deadline()).await?;
        let mut statements = Statements { handle: self, operation, slowest: Duration::ZERO };
        let conn = lease.connection();
        // The connection of a transaction that is not completed is discarded with the lease.
        match read_all(conn, &mut statements, limit, read, deliver).await {
            Ok(()) => {
                lease.mark_succeeded(statements.slowest);
                Ok(())
            }
            Err(Stop::Failed(error, took)) => {
                let kind = self.mark_failed(&mut lease, circuit, operation, (&error, took));
                lease.mark_in_transaction();
                Err(DbError::from_storage(operation, kind, error))
            }
            Err(Stop::TimedOut) => {
                self.mark_timed_out(&mut lease, circuit, operation);
                Err(DbError::Failed { operation, source: QueryError::TimedOut })
            }
            Err(Stop::Expired) => {
                Err(self.overloaded(circuit, operation, "its batches are taken too slowly"))
            }
        }
    }

    /// Whether all calls share one connection, as with the embedded database.
    pub fn has_one_connection(&self) -> bool {
        self.max_connections() == 1
    }
}

async fn read_all<P: Default, B>(
    conn: &mut AsyncPgConnection,
    statements: &mut Statements<'_>,
    limit: Duration,
    read: impl AsyncFn(&mut Transaction<'_>, &mut P) -> Result<Option<B>, StorageError>,
    deliver: impl AsyncFn(B) -> ControlFlow<()>,
) -> Result<(), Stop> {
    let ends = Instant::now() + limit;
    let begin = async {
        PgTransactionManager::begin_transaction(conn).await?;
        let mut transaction = Transaction::new(conn);
        transaction.read_one_snapshot().await?;
        transaction.allow_idle(limit).await
    };
    statements.run(begin).await?;
    let mut position = P::default();
    loop {
        let mut transaction = Transaction::new(conn);
        let batch = statements.run(read(&mut transaction, &mut position)).await?;
        let Some(batch) = batch else { break };
        // Checked here, too: a batch that is taken at once never waits.
        if Instant::now() >= ends {
            return Err(Stop::Expired);
        }
        match timeout_at(ends, deliver(batch)).await {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(_) => return Err(Stop::Expired),
        }
    }
    let end = async { Ok(PgTransactionManager::rollback_transaction(conn).await?) };
    statements.run(end).await
}
