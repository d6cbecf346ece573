//! The handle of the standby that `DATABASE_READ_URL` names. It has a pool and circuits of its own,
//! with short limits: what is not read there in time is read on the primary.

use std::time::Duration;

use slog::Logger;

use crate::actors::db_breaker::{CircuitSettings, DbBreakerHandle, PoolSettings};
use crate::app::command_error::CommandError;
use crate::config::DatabaseConfig;
use crate::postgres::connection::{Connector, Timeouts};
use crate::postgres::url::DatabaseUrl;
use crate::telemetry::instruments::Instruments;

/// Time for a read, and of it for a connection. A request that is then done on the primary takes so
/// much longer.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Circuits open after a few failures, because nothing is lost, and are probed soon.
const SETTINGS: CircuitSettings = CircuitSettings {
    enabled: true,
    timeout: READ_TIMEOUT,
    error_threshold: 50,
    volume_threshold: 3,
    reset_timeout: Duration::from_secs(5),
};

/// Parses the URL of the standby.
///
/// # Errors
/// When it cannot be used.
pub(super) fn read_url(config: &DatabaseConfig) -> Result<Option<DatabaseUrl>, CommandError> {
    let Some(url) = config.read_url() else { return Ok(None) };
    // Its errors name the variable.
    let named = |message: String| message.replace("DATABASE_URL", "DATABASE_READ_URL");
    let url = DatabaseUrl::parse(url).map_err(|error| named(error.to_string()));
    Ok(Some(url.map_err(CommandError::usage)?.for_reads()))
}

/// Starts the handle, and permits queries. Opens no connection.
pub(super) async fn start(
    config: &DatabaseConfig,
    process_name: &str,
    instruments: &Instruments,
) -> Result<Option<DbBreakerHandle>, CommandError> {
    let Some(url) = read_url(config)? else { return Ok(None) };
    let url = url.with_process_name(process_name);
    let timeouts = Timeouts { connect: CONNECT_TIMEOUT, statement: Some(READ_TIMEOUT) };
    let connector = Connector::new(url, timeouts).map_err(CommandError::usage)?.for_reads();
    let pool = PoolSettings { max: config.db_pool_max, min: 0, wait: CONNECT_TIMEOUT };
    // `http::read_replica` logs once whether it is used; the events of circuits are of the primary.
    let logger = Logger::root(slog::Discard, slog::o!());
    let instruments = instruments.clone();
    let db = DbBreakerHandle::start(connector, pool, SETTINGS, None, instruments, logger);
    db.open_pool().await.map_err(CommandError::from)?;
    Ok(Some(db))
}
