//! A backup that is being written.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

/// Compresses what is written to it into a private file, which gets its name when it is complete.
/// Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct BackupFile {
    name: PathBuf,
    gzip: GzEncoder<BufWriter<NamedTempFile>>,
}

impl BackupFile {
    /// Begins a new file.
    ///
    /// # Errors
    /// When one of this name exists, or none can be created beside it.
    pub fn create(name: &Path) -> io::Result<Self> {
        // Asked early, because writing takes a while; an existing file is not replaced in any case.
        if name.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let target = BufWriter::new(NamedTempFile::new_in(parent(name))?);
        let gzip = GzEncoder::new(target, Compression::default());
        Ok(Self { name: name.to_owned(), gzip })
    }

    /// Gives the file its name, once it is on disk. Returns its size in bytes.
    ///
    /// # Errors
    /// When it cannot be written, or a file of this name exists.
    pub fn finish(self) -> io::Result<u64> {
        let target = self.gzip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        target.as_file().sync_all()?;
        let size = target.as_file().metadata()?.len();
        target.persist_noclobber(self.name).map_err(|failed| failed.error)?;
        Ok(size)
    }
}

impl Write for BackupFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gzip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

/// The folder of a file.
pub(super) fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
