//! `mdl backup` and `mdl restore`: the data of the embedded mode as one file. A PostgreSQL server
//! has `pg_dump` and `pg_restore`.

#[cfg(feature = "embedded")]
mod embedded_data;

use std::path::Path;

use crate::app::command_error::CommandError;
use crate::config::Config;

/// Writes the data of the embedded mode to a file.
#[cfg_attr(
    not(feature = "embedded"),
    expect(clippy::unused_async, reason = "the running service is asked only if it is embedded")
)]
pub(in crate::app) async fn back_up(config: &Config, file: &Path) -> Result<(), CommandError> {
    ensure_embedded(config)?;
    #[cfg(feature = "embedded")]
    {
        embedded_data::back_up(config, file).await
    }
    #[cfg(not(feature = "embedded"))]
    {
        let _ = file;
        Ok(())
    }
}

/// Creates the data of the embedded mode from a file.
pub(in crate::app) fn restore(config: &Config, file: &Path) -> Result<(), CommandError> {
    ensure_embedded(config)?;
    #[cfg(feature = "embedded")]
    {
        embedded_data::restore(config, file)
    }
    #[cfg(not(feature = "embedded"))]
    {
        let _ = file;
        Ok(())
    }
}

fn ensure_embedded(config: &Config) -> Result<(), CommandError> {
    if config.database.url().is_some() {
        return Err(CommandError::usage(
            "DATABASE_URL is set; use pg_dump and pg_restore (docs/operations.md)",
        ));
    }
    if cfg!(feature = "embedded") {
        return Ok(());
    }
    Err(CommandError::usage("this build has no embedded database"))
}
