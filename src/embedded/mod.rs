//! The embedded database: `PostgreSQL` inside the binary, on a Unix socket in a private folder,
//! with its own signing secrets. An external database is reached through `postgres`.

#[cfg(feature = "embedded")]
pub mod backup;
mod error;
mod secrets;
#[cfg(feature = "embedded")]
mod server;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub use self::error::EmbeddedError;
pub use self::secrets::EmbeddedSecrets;
#[cfg(feature = "embedded")]
pub use self::server::{EmbeddedDatabase, LOCK_WAIT};

/// Folder of the database in the data folder.
#[cfg(feature = "embedded")]
const DATABASE: &str = "postgres";
/// The mode bits that grant access to other users.
const GROUP_AND_OTHERS: u32 = 0o077;

/// Creates a folder with mode 0700 if it does not exist.
///
/// # Errors
/// When it cannot be created, or exists and other users can access it.
pub(crate) fn ensure_private_folder(path: &Path) -> Result<(), EmbeddedError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(EmbeddedError::at(path))?;
    ensure_private(path, "700")
}

/// Refuses a data folder without a database, and one that other users can access.
///
/// # Errors
/// See [`EmbeddedError::NoData`] and [`EmbeddedError::NotPrivate`].
#[cfg(feature = "embedded")]
pub(crate) fn ensure_data(folder: &Path) -> Result<(), EmbeddedError> {
    if !folder.join(DATABASE).is_dir() {
        return Err(EmbeddedError::NoData(folder.to_owned()));
    }
    ensure_private(folder, "700")
}

/// Refuses a folder or file that other users of this machine can access.
fn ensure_private(path: &Path, required: &'static str) -> Result<(), EmbeddedError> {
    let metadata = std::fs::metadata(path).map_err(EmbeddedError::at(path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & GROUP_AND_OTHERS == 0 {
        return Ok(());
    }
    Err(EmbeddedError::NotPrivate { path: path.to_owned(), mode, required })
}

/// Writes a file with mode 0600, replacing an existing one.
pub(crate) fn write_private_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // Removed and created anew, so that the mode applies from the first byte on and no link is
    // followed.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Checks that there is space for another megabyte, as the database needs from time to time: its
/// own errors do not say that the disk is full.
///
/// # Errors
/// When no space is left, or the quota is used up; other errors of the check say nothing.
#[cfg(feature = "embedded")]
pub(crate) fn check_space(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("space-check-{}", uuid::Uuid::new_v4()));
    let written = write_private_file(&path, &vec![1; 1024 * 1024]);
    let _ = std::fs::remove_file(&path);
    match written {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ) =>
        {
            // The system's text, such as "No space left on device".
            let message = format!("DATA_DIR: {}: {error}", folder.display());
            Err(std::io::Error::new(error.kind(), message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
