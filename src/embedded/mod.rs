//! The embedded database: `PostgreSQL` inside the binary, on a Unix socket in a private folder, with secrets of its own.

mod secrets;
#[cfg(feature = "embedded")]
mod server;

use std::path::Path;

pub use self::secrets::Secrets;
#[cfg(feature = "embedded")]
pub use self::server::EmbeddedDatabase;

/// Makes a folder that nobody else may look into.
pub(crate) fn private_folder(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("DATA_DIR: cannot make {}: {error}", path.display()))
}
