//! The copy of the data that a running service makes for a backup, as an archive that is not
//! compressed: compression takes longer than copying, and can wait until the database works again.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;
use std::time::Instant;

use super::archive::write_archive;

/// Memory for pieces that are written together, in bytes.
const BUFFER: usize = 256 * 1024;

/// Copies the data of `folder`, whose database must change nothing before this returns, to a file
/// in the folder. It has no name, so it ends with its last handle. Its position is the beginning.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when `until` has passed; others when files cannot be read or
/// written.
pub fn copy(folder: &Path, until: Instant) -> io::Result<File> {
    let target = Timed { target: tempfile::tempfile_in(folder)?, until };
    let target = write_archive(folder, BufWriter::with_capacity(BUFFER, target))?;
    let mut file = target.into_inner().map_err(io::IntoInnerError::into_error)?.target;
    file.rewind()?;
    Ok(file)
}

/// Refuses what is written too late.
struct Timed {
    target: File,
    until: Instant,
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if Instant::now() > self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.target.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("postgres")).expect("created");
        std::fs::write(folder.path().join("postgres/PG_VERSION"), "17").expect("written");
        std::fs::write(folder.path().join("secrets.json"), "{}").expect("written");
        folder
    }

    #[test]
    fn copy_begins_at_its_beginning_and_leaves_no_file() {
        let folder = folder();
        let mut bytes = Vec::new();
        let until = Instant::now() + Duration::from_mins(1);
        copy(folder.path(), until).expect("copied").read_to_end(&mut bytes).expect("read");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("mdl-backup.json\0"), "{text}");
        assert!(text.contains("postgres/PG_VERSION\0"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn copy_that_takes_too_long_is_refused() {
        let error = copy(folder().path(), Instant::now()).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
