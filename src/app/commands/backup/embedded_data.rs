//! Backup and restore of `DATA_DIR`. While a service uses it, it sends a copy of its data over its
//! local socket (`http::routes::backup`), which the command compresses into the file.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::app::command_error::CommandError;
use crate::app::commands::api_client::ApiClient;
use crate::app::output::print_line;
use crate::config::Config;
use crate::embedded::backup::{self, BackupFile};
use crate::embedded::{EmbeddedError, LOCK_WAIT};

/// Writes the data to a new file.
pub(super) async fn back_up(config: &Config, file: &Path) -> Result<(), CommandError> {
    let folder = &config.database.data_dir;
    let size = match backup::try_back_up(folder, file, Duration::ZERO) {
        Err(EmbeddedError::InUse(_)) => back_up_running(config, file).await?,
        outcome => outcome.map_err(CommandError::failed)?,
    };
    print_line(&format!("{} written: {size} bytes", file.display()))
}

/// Writes the data that the running service sends.
async fn back_up_running(config: &Config, file: &Path) -> Result<u64, CommandError> {
    let folder = &config.database.data_dir;
    let socket = config.admin_socket(config.service.port);
    if let Err(error) = tokio::net::UnixStream::connect(&socket).await {
        // Maybe a process that was killed a moment ago.
        return backup::try_back_up(folder, file, LOCK_WAIT).map_err(|refused| match refused {
            EmbeddedError::InUse(_) => CommandError::failed(format!(
                "{refused}, or run this command as the user of the service, with its PORT or its \
                 ADMIN_SOCKET: cannot connect to it at {}: {error}",
                socket.display()
            )),
            other => CommandError::failed(other),
        });
    }
    let failed = |error| CommandError::failed(format!("backup {}: {error}", file.display()));
    let mut target = BackupFile::create(file).map_err(failed)?;
    let folder = folder.canonicalize().map_err(CommandError::failed)?;
    let body = json!({ "data_folder": folder.to_string_lossy() });
    ApiClient::from_socket(&socket)?.download("/backup", &body, &mut target).await?;
    target.finish().map_err(failed)
}

/// Creates the data from a file.
pub(super) fn restore(config: &Config, file: &Path) -> Result<(), CommandError> {
    let folder = &config.database.data_dir;
    let manifest = backup::restore(file, folder).map_err(CommandError::failed)?;
    print_line(&format!("{} restored from a backup of mdl {}", folder.display(), manifest.version))
}
