//! Looks at the database once at startup: which server it is, and what of it does not suit the
//! service.

use slog::Logger;

use super::startup_error::StartupError;
use crate::actors::db_breaker::DbBreakerHandle;
use crate::postgres::connect_error::is_rejection;
use crate::postgres::connection::ConnectionError;
use crate::postgres::pooler::TRANSACTION_MODE;
use crate::postgres::server_connection::ServerConnection;
use crate::postgres::server_facts::ServerFacts;
use crate::telemetry::error_chain;

/// Refuses a connection pooler that does not keep sessions. Only needed where there is a network in
/// between.
pub(super) async fn refuse_transaction_pooler(db: &DbBreakerHandle) -> Result<(), StartupError> {
    if db.keeps_sessions().await.map_err(connection_error)? {
        return Ok(());
    }
    Err(StartupError::NeedsOperator(TRANSACTION_MODE.to_owned()))
}

/// Warns of locale problems. Logs which server it is, and the name that this process has there,
/// unless it is the embedded one.
pub(super) async fn log_server(
    connection: &mut ServerConnection,
    application_name: Option<&String>,
    logger: &Logger,
) -> Result<(), StartupError> {
    let facts = ServerFacts::read(connection).await.map_err(StartupError::temporary)?;
    if let Some(name) = application_name {
        slog::info!(logger, "database reached";
            "host" => connection.host(), "database" => &facts.database, "user" => &facts.user,
            "server_version" => &facts.server_version, "collation" => &facts.collation,
            "application_name" => name);
    }
    for found in &facts.locale_problems {
        slog::warn!(logger, "locale of the database is unsuitable";
            "database" => &facts.database, "problem" => found.problem, "remedy" => found.remedy);
    }
    Ok(())
}

/// Waiting does not help against a wrong password or database name.
pub(super) fn connection_error(error: ConnectionError) -> StartupError {
    if is_rejection(&error) {
        StartupError::NeedsOperator(error_chain(&error))
    } else {
        StartupError::temporary(error)
    }
}
