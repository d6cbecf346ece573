//! Warns once, at the start, of connections to other hosts that an attacker on the way could read
//! or change.

use slog::Logger;

use crate::app::failure::Failure;
use crate::config::Config;
use crate::config::transport::Unprotected;
use crate::postgres::url::DatabaseUrl;

/// Logs a warning for each; refuses the configuration that would send credentials in clear text.
pub(in crate::app) fn warn(config: &Config, logger: &Logger) -> Result<(), Failure> {
    let mut unprotected = config.check_transport().map_err(Failure::usage)?;
    if let Some(url) = config.database.url() {
        unprotected.extend(DatabaseUrl::parse(url).map_err(Failure::usage)?.unprotected());
    }
    for Unprotected { variable, reason, remedy } in unprotected {
        slog::warn!(logger, "connection to another host is not protected";
            "variable" => variable, "reason" => reason, "remedy" => remedy);
    }
    Ok(())
}
