//! Errors of the embedded database and its data folder. The messages are for the operator and name
//! the variable.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the data folder or the embedded database cannot be used.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    #[error("DATA_DIR: {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "DATA_DIR: {} is open to other users (mode {mode:o}); run `chmod {required} {}`",
        .path.display(), .path.display()
    )]
    NotPrivate { path: PathBuf, mode: u32, required: &'static str },
    /// Without its cause, which may quote the content.
    #[error(
        "DATA_DIR: {} is not a secrets file of MDL; remove it to create new secrets",
        .path.display()
    )]
    InvalidSecrets { path: PathBuf },
    #[error(
        "DATA_DIR: another process uses {}; stop it first, or send the command to it with --url",
        .0.display()
    )]
    Locked(PathBuf),
    #[error("DATA_DIR: another process uses {}; stop it first", .0.display())]
    InUse(PathBuf),
    #[error("DATA_DIR: {} has no database", .0.display())]
    NoData(PathBuf),
    #[error("DATA_DIR: {} is not empty; move it away, or name another folder", .0.display())]
    NotEmpty(PathBuf),
    #[error("backup {}", .path.display())]
    Backup { path: PathBuf, source: io::Error },
}

impl EmbeddedError {
    /// Leaves out of an error that the folder is locked what only works for other commands.
    #[cfg(feature = "embedded")]
    pub(super) fn in_use(self) -> Self {
        match self {
            Self::Locked(folder) => Self::InUse(folder),
            other => other,
        }
    }

    /// Returns a function that adds the path of a backup to an I/O error.
    #[cfg(feature = "embedded")]
    pub(super) fn backup(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Backup { path: path.to_owned(), source }
    }

    /// Returns a function that adds the path to an I/O error.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
