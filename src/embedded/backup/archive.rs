//! The archive of a backup: what is written to it, and what is accepted when it is read.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, Entry, Header};

use crate::embedded::DATABASE;
use crate::embedded::secrets::FILE as SECRETS;

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

/// Writes the files of a folder whose database changes none of them meanwhile.
pub(super) fn write_archive<W: Write>(folder: &Path, target: W) -> io::Result<W> {
    let mut archive = Builder::new(target);
    archive.follow_symlinks(false);
    // Files with holes are few and small: the shared memory of a database that was not stopped.
    archive.sparse(false);
    let manifest = BackupManifest { format: FORMAT, version: env!("CARGO_PKG_VERSION").into() };
    let manifest = serde_json::to_vec(&manifest)?;
    let mut header = Header::new_gnu();
    header.set_size(manifest.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, MANIFEST, manifest.as_slice())?;
    archive.append_path_with_name(folder.join(SECRETS), SECRETS)?;
    archive.append_dir_all(DATABASE, folder.join(DATABASE))?;
    archive.into_inner()
}

/// Unpacks a compressed archive into a new folder, all of which is on disk afterwards.
pub(super) fn read_archive(file: &Path, target: &Path) -> io::Result<BackupManifest> {
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
        // Earlier versions have written the holes of files as such.
        let is_data = kind.is_file() || kind.is_dir() || kind.is_gnu_sparse();
        if !(is_known && is_data && entry.unpack_in(target)?) {
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
