//! Warns at startup about connections to other hosts that a network attacker could read or change,
//! and about names in `.env` that are probably misspelt.

use slog::Logger;

use crate::app::command_error::CommandError;
use crate::app::replica;
use crate::config::Config;
use crate::config::transport::UnprotectedConnection;
use crate::config::unknown_variables::UnknownVariable;
use crate::postgres::url::DatabaseUrl;

/// Logs a warning for each unprotected connection and each unknown variable.
///
/// # Errors
/// When the configuration would send credentials in clear text.
pub(in crate::app) fn warn(config: &Config, logger: &Logger) -> Result<(), CommandError> {
    let mut unprotected = config.check_transport().map_err(CommandError::usage)?;
    if let Some(url) = config.database.url() {
        unprotected.extend(DatabaseUrl::parse(url).map_err(CommandError::usage)?.unprotected());
    }
    if let Some(url) = replica::read_url(&config.database)? {
        let variable = "DATABASE_READ_URL";
        unprotected
            .extend(url.unprotected().map(|found| UnprotectedConnection { variable, ..found }));
    }
    for UnknownVariable { name, suggestion } in &config.unknown_variables {
        slog::warn!(logger, "unknown variable in .env ignored";
            "variable" => name, "similar" => suggestion);
    }
    for UnprotectedConnection { variable, reason, remedy } in unprotected {
        slog::warn!(logger, "connection to another host is not protected by TLS";
            "variable" => variable, "reason" => reason, "remedy" => remedy);
    }
    Ok(())
}
