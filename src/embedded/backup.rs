//! Backups of the data folder as one file: a tar archive, compressed with gzip, that begins with a
//! manifest and has the files of the database and the signing secrets. Other files of the folder
//! (socket, lock, mails, the first password) are made anew or not needed.
//!
//! Files that are being changed make no backup, so both directions need the folder for themselves.

use std::fs::{File, Permissions};
use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, Entry, Header};

use super::DATABASE;
use super::error::EmbeddedError;
use super::secrets::FILE as SECRETS;
use super::server::lock;

const MANIFEST: &str = "mdl-backup.json";
/// Version of the layout of the archive.
const FORMAT: u32 = 1;
/// Largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 4096;

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackupManifest {
    format: u32,
    /// Version of the program that wrote it.
    pub version: String,
}

/// Writes the data of `folder` to a new file that only its owner can read. Returns its size in
/// bytes.
///
/// # Errors
/// When a process uses the folder, it has no database, or the file exists or cannot be written.
pub fn back_up(folder: &Path, file: &Path) -> Result<u64, EmbeddedError> {
    super::ensure_data(folder)?;
    let _lock = lock(folder).map_err(EmbeddedError::in_use)?;
    write_archive(folder, file).map_err(EmbeddedError::backup(file))
}

fn write_archive(folder: &Path, file: &Path) -> io::Result<u64> {
    // A private file beside it, which gets its name when it is complete.
    let target = tempfile::NamedTempFile::new_in(parent(file))?;
    let gzip = GzEncoder::new(BufWriter::new(target), Compression::default());
    let mut archive = Builder::new(gzip);
    archive.follow_symlinks(false);
    let manifest = BackupManifest { format: FORMAT, version: env!("CARGO_PKG_VERSION").into() };
    let manifest = serde_json::to_vec(&manifest)?;
    let mut header = Header::new_gnu();
    header.set_size(manifest.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, MANIFEST, manifest.as_slice())?;
    archive.append_path_with_name(folder.join(SECRETS), SECRETS)?;
    archive.append_dir_all(DATABASE, folder.join(DATABASE))?;
    let target = archive.into_inner()?.finish()?;
    let target = target.into_inner().map_err(io::IntoInnerError::into_error)?;
    target.as_file().sync_all()?;
    let size = target.as_file().metadata()?.len();
    target.persist_noclobber(file).map_err(|failed| failed.error)?;
    Ok(size)
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

fn read_archive(file: &Path, target: &Path) -> io::Result<BackupManifest> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(File::open(file)?)));
    let mut entries = archive.entries()?;
    let first = entries.next().ok_or_else(|| invalid("it is empty"))??;
    let manifest = read_manifest(first).ok_or_else(|| invalid("it has no manifest"))?;
    if manifest.format != FORMAT {
        return Err(invalid("another version of mdl has written it"));
    }
    let mut folders = vec![target.to_owned()];
    for entry in entries {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        let is_known = path == Path::new(SECRETS) || path.starts_with(DATABASE);
        if !(is_known && (kind.is_file() || kind.is_dir()) && entry.unpack_in(target)?) {
            return Err(invalid("it has files that no backup has"));
        }
        let path = target.join(path);
        if kind.is_dir() {
            folders.push(path);
        } else {
            File::open(path)?.sync_all()?;
        }
    }
    // The checksum is at the end.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    if !target.join(DATABASE).is_dir() || !target.join(SECRETS).is_file() {
        return Err(invalid("it is not complete"));
    }
    for folder in folders {
        File::open(folder)?.sync_all()?;
    }
    Ok(manifest)
}

fn read_manifest(entry: Entry<'_, impl Read>) -> Option<BackupManifest> {
    let is_manifest = entry.path().ok()?.as_ref() == Path::new(MANIFEST);
    let text = entry.take(MAX_MANIFEST);
    is_manifest.then(|| serde_json::from_reader(text).ok()).flatten()
}

fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
