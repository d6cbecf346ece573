//! The embedded database: `PostgreSQL` inside the binary, on a Unix socket in a private folder,
//! with secrets of its own.

mod secrets;
#[cfg(feature = "embedded")]
mod server;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub use self::secrets::Secrets;
#[cfg(feature = "embedded")]
pub use self::server::EmbeddedDatabase;

/// Makes a folder that no other user may look into, if it is not there; refuses one that others can
/// read or change.
pub(crate) fn private_folder(path: &Path) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("DATA_DIR: cannot make {}: {error}", path.display()))?;
    ensure_private(path, "700")
}

/// The bits of a mode that let other users in.
const GROUP_AND_OTHERS: u32 = 0o077;

/// Refuses a folder or file that other users of this machine can read or change.
fn ensure_private(path: &Path, mode: &str) -> Result<(), String> {
    let found = std::fs::metadata(path)
        .map_err(|error| format!("DATA_DIR: {}: {error}", path.display()))?;
    let found = found.permissions().mode() & 0o777;
    if found & GROUP_AND_OTHERS == 0 {
        return Ok(());
    }
    Err(format!(
        "DATA_DIR: {0} is open to other users (mode {found:o}); run `chmod {mode} {0}`",
        path.display()
    ))
}

/// Writes a file that only this user may read, in place of one that may be there.
pub(crate) fn write_private_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // Removed and made anew, so that its mode is ours from its first byte on, and no link is
    // followed.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
