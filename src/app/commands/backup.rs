//! `mdl backup` and `mdl restore`: the data of the embedded mode as one file. A PostgreSQL server
//! has `pg_dump` and `pg_restore`.

use std::path::Path;

use crate::app::command_error::CommandError;
use crate::config::Config;

/// Writes the data of the embedded mode to a file.
pub(in crate::app) fn back_up(config: &Config, file: &Path) -> Result<(), CommandError> {
    ensure_embedded(config)?;
    #[cfg(feature = "embedded")]
    {
        let size = crate::embedded::backup::back_up(&config.database.data_dir, file);
        let size = size.map_err(CommandError::failed)?;
        crate::app::output::print_line(&format!("{} written: {size} bytes", file.display()))?;
    }
    #[cfg(not(feature = "embedded"))]
    let _ = file;
    Ok(())
}

/// Creates the data of the embedded mode from a file.
pub(in crate::app) fn restore(config: &Config, file: &Path) -> Result<(), CommandError> {
    ensure_embedded(config)?;
    #[cfg(feature = "embedded")]
    {
        let folder = &config.database.data_dir;
        let manifest = crate::embedded::backup::restore(file, folder);
        let version = manifest.map_err(CommandError::failed)?.version;
        let line = format!("{} restored from a backup of mdl {version}", folder.display());
        crate::app::output::print_line(&line)?;
    }
    #[cfg(not(feature = "embedded"))]
    let _ = file;
    Ok(())
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
