//! The probe of the server: one round trip that finds out whether it is available and accepts
//! writes. When it goes out, and what follows, is decided in `circuits`.

use std::time::Duration;

use diesel::{ConnectionError, QueryableByName};
use diesel_async::RunQueryDsl;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::pool::{self, DbPool, TrackedConnection};
use crate::postgres::connect_error::is_connection_limit;
use crate::telemetry::error_chain;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeResult {
    Available,
    /// The server does not answer, or accepts no writes.
    Unavailable(String),
    /// Nothing: all connections of the server are in use.
    Inconclusive(String),
}

impl ProbeResult {
    /// Returns why the database was not found available.
    pub(super) fn error(self) -> Option<String> {
        match self {
            Self::Available => None,
            Self::Unavailable(error) | Self::Inconclusive(error) => Some(error),
        }
    }
}

/// Why a probe failed.
#[derive(Debug, Error)]
enum ProbeError {
    #[error(transparent)]
    Connect(#[from] ConnectionError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("the server is read-only")]
    ReadOnly,
    #[error("timed out")]
    TimedOut,
}

/// Finds out whether the server is available. If it permits no further connections, the pool may
/// hold them all, so one of these is probed.
pub(super) async fn probe_server(pool: &DbPool, limit: Duration) -> ProbeResult {
    // Ends before the rules give up this probe as hung.
    let until = Instant::now() + limit * 9 / 10;
    let probed = timeout_at(until, probe_beside(pool)).await;
    let error = match probed.unwrap_or(Err(ProbeError::TimedOut)) {
        Ok(()) => return ProbeResult::Available,
        Err(error) => error_chain(&error),
    };
    if !is_connection_limit(&error) {
        return ProbeResult::Unavailable(error);
    }
    match timeout_at(until, probe_within(pool)).await {
        Ok(Some(Ok(()))) => ProbeResult::Available,
        Ok(Some(Err(error))) => ProbeResult::Unavailable(error_chain(&error)),
        Ok(None) | Err(_) => ProbeResult::Inconclusive(error),
    }
}

/// Probes a new connection, which then joins the pool, if the pool is not full.
async fn probe_beside(pool: &DbPool) -> Result<(), ProbeError> {
    let mut tracked = pool.dedicated_connection().await?;
    ensure_accepts_writes(&mut tracked).await?;
    let _ = pool.add(tracked);
    Ok(())
}

/// Probes a connection of the pool; none if all are busy.
async fn probe_within(pool: &DbPool) -> Option<Result<(), ProbeError>> {
    let mut connection = pool::get(pool).await.ok()?;
    connection.in_use = true;
    let probed = ensure_accepts_writes(&mut connection).await;
    match &probed {
        Err(ProbeError::ReadOnly) => connection.retire_generation(),
        Err(_) => {}
        Ok(()) => connection.in_use = false,
    }
    Some(probed)
}

/// Checks in one round trip that the server answers, and accepts writes if they are wanted.
async fn ensure_accepts_writes(tracked: &mut TrackedConnection) -> Result<(), ProbeError> {
    let sql = "SELECT NOT pg_is_in_recovery() \
               AND current_setting('transaction_read_only') = 'off' AS accepts_writes";
    let row: ServerRole = diesel::sql_query(sql).get_result(&mut *tracked.connection).await?;
    if row.accepts_writes || tracked.only_reads { Ok(()) } else { Err(ProbeError::ReadOnly) }
}

#[derive(QueryableByName)]
struct ServerRole {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    accepts_writes: bool,
}
