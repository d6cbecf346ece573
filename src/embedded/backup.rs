//! Backups of the data folder as one file: a tar archive, compressed with gzip, that begins with a
//! manifest and has the files of the database and the signing secrets. Other files of the folder
//! (socket, lock, mails, the first password) are made anew or not needed.
//!
//! Files that are being changed make no backup. Either this process has the folder for itself
//! ([`try_back_up`]), or the service that uses it makes a copy while its database is at rest
//! ([`copy()`]), which arrives in a [`BackupFile`].

mod archive;
mod copy;
mod new_file;

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

pub use self::archive::BackupManifest;
use self::archive::{read_archive, write_archive};
pub use self::copy::copy;
pub use self::new_file::BackupFile;
use self::new_file::parent;
use super::error::EmbeddedError;
use super::server::lock;

/// Writes the data of `folder` to a new file that only its owner can read, unless another process
/// uses the folder longer than `patience`. Returns its size in bytes.
///
/// # Errors
/// [`EmbeddedError::InUse`]; others when it has no database, or the file exists or cannot be
/// written.
pub fn try_back_up(folder: &Path, file: &Path, patience: Duration) -> Result<u64, EmbeddedError> {
    super::ensure_data(folder)?;
    let _lock = lock(folder, patience).map_err(EmbeddedError::in_use)?;
    let write = || {
        let target = BackupFile::create(file)?;
        write_archive(folder, target)?.finish()
    };
    write().map_err(EmbeddedError::backup(file))
}

/// Creates the data of `folder`, which is empty or does not exist, from a backup. Returns what the
/// backup says of itself. After an error the folder is as it was.
///
/// # Errors
/// When the folder has files, or the file is not a complete backup.
pub fn restore(file: &Path, folder: &Path) -> Result<BackupManifest, EmbeddedError> {
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(EmbeddedError::at(folder)(error)),
    };
    if !is_empty {
        return Err(EmbeddedError::NotEmpty(folder.to_owned()));
    }
    super::ensure_private_folder(folder)?;
    // Beside it, because only within a file system a folder can be renamed.
    let folder = folder.canonicalize().map_err(EmbeddedError::at(folder))?;
    let mut unpacked = tempfile::Builder::new();
    unpacked.prefix(".mdl-restore-").permissions(Permissions::from_mode(0o700));
    let unpacked = unpacked.tempdir_in(parent(&folder)).map_err(EmbeddedError::at(&folder))?;
    let manifest = read_archive(file, unpacked.path()).map_err(EmbeddedError::backup(file))?;
    let path = unpacked.keep();
    std::fs::rename(&path, &folder).map_err(|error| {
        let _ = std::fs::remove_dir_all(&path);
        EmbeddedError::at(&folder)(error)
    })?;
    Ok(manifest)
}
