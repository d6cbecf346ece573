//! Reads of the catalogue on a standby (`DATABASE_READ_URL`), which follows the primary with a
//! delay. A read is done there only if the standby has all that this process knows of; every other
//! one, and each that fails there, is done on the primary, so the standby never fails a request.
//!
//! Two things are compared, on the connection of the read and before it:
//!
//! - the epoch of the catalogue. It is a row, replicated in the order of commits, so a standby that
//!   has an epoch has all changes up to it. A response is cached under the epoch that was known
//!   before its read, and what is known only grows: so it is never older than that epoch.
//! - the position in the log that the primary had reached after the last change by this process.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slog::Logger;

use crate::actors::db_breaker::{Circuit, DbBreakerHandle, DbError};
use crate::storage::{AsyncPgConnection, StorageError, replica_position};
use crate::telemetry::instruments::operations::{OperationsInstruments, ReplicaOutcome};

/// For how long no read may have been done on the standby before that is logged: it lags for a
/// moment after each change.
const UNUSED_BEFORE_EVENT: Duration = Duration::from_secs(5);
/// A change was made, and the position after it is not known.
const UNKNOWN: i64 = i64::MAX;

/// The standby, and what it must have before it is read.
#[derive(Debug)]
pub struct ReadReplica {
    db: DbBreakerHandle,
    /// The position that the standby must have replayed.
    written: AtomicI64,
    usage: Mutex<Usage>,
    instruments: OperationsInstruments,
    logger: Logger,
}

/// Whether the standby is used, for the log.
#[derive(Debug, Default)]
struct Usage {
    unused_since: Option<Instant>,
    is_logged: bool,
}

impl ReadReplica {
    /// Creates the standby behind this handle, whose pool is open.
    pub fn new(db: DbBreakerHandle, instruments: OperationsInstruments, logger: Logger) -> Self {
        let (written, usage) = (AtomicI64::new(0), Mutex::default());
        Self { db, written, usage, instruments, logger }
    }

    /// Runs a read on the standby if that has the catalogue's epoch `known`; none if this process
    /// is not certain of the epoch. Returns none if the read is to be done on the primary.
    pub async fn read<T>(
        &self,
        known: Option<i64>,
        (circuit, operation): (Circuit, &'static str),
        work: &impl AsyncFn(&mut AsyncPgConnection) -> Result<T, StorageError>,
    ) -> Option<T> {
        let Some(known) = known else {
            self.instruments.count_replica_read(ReplicaOutcome::Unconfirmed);
            return None;
        };
        let written = self.written.load(Ordering::SeqCst);
        let read = self.db.run(circuit, operation, async |conn| {
            let position = replica_position::get_replayed(conn).await?;
            let Some(replayed) = position.replayed else {
                return Ok(Err(ReplicaOutcome::Unavailable));
            };
            if position.epoch < known || replayed < written {
                return Ok(Err(ReplicaOutcome::Behind));
            }
            Ok(Ok(work(conn).await?))
        });
        let (outcome, value) = match read.await {
            Ok(Ok(value)) => (ReplicaOutcome::Replica, Some(value)),
            Ok(Err(outcome)) => (outcome, None),
            // It answered, but not with a result: the primary says whether that is right.
            Err(DbError::Storage(_)) => (ReplicaOutcome::Error, None),
            Err(_) => (ReplicaOutcome::Unavailable, None),
        };
        self.instruments.count_replica_read(outcome);
        self.log_usage(outcome, Instant::now());
        value
    }

    /// Reads how far the primary's log is after a change by this process. When this returns, the
    /// standby is not read before it has the change.
    pub async fn record_write(&self, primary: &DbBreakerHandle, circuit: Circuit) {
        let position = primary.run(circuit, "server.wal_position", replica_position::get_written);
        let position = position.await.unwrap_or(UNKNOWN);
        self.written.fetch_max(position, Ordering::SeqCst);
    }

    /// Polls how far the primary's log is. A position below the recorded one is that of another
    /// primary, after a failover, or follows one that could not be read.
    pub async fn poll(&self, primary: &DbBreakerHandle) {
        let before = self.written.load(Ordering::SeqCst);
        let circuit = Circuit::Metrics;
        let position = primary
            .run_reserved(circuit, "server.wal_position", replica_position::get_written)
            .await;
        if let Ok(position) = position
            && position < before
        {
            // Unless a change was made meanwhile, whose position may be of either.
            let (success, failure) = (Ordering::SeqCst, Ordering::SeqCst);
            let _ = self.written.compare_exchange(before, position, success, failure);
        }
    }

    /// Logs once that the standby is not used, and once that it is used again.
    fn log_usage(&self, outcome: ReplicaOutcome, now: Instant) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            ReplicaOutcome::Replica => {
                if usage.is_logged {
                    slog::info!(self.logger, "read replica is used again");
                }
                *usage = Usage::default();
            }
            ReplicaOutcome::Behind | ReplicaOutcome::Unavailable => {
                let since = *usage.unused_since.get_or_insert(now);
                let is_due = now.saturating_duration_since(since) >= UNUSED_BEFORE_EVENT;
                if is_due && !std::mem::replace(&mut usage.is_logged, true) {
                    slog::warn!(self.logger, "read replica is not used: reads go to the primary";
                        "reason" => outcome.as_ref());
                }
            }
            ReplicaOutcome::Error | ReplicaOutcome::Unconfirmed => {}
        }
    }
}
