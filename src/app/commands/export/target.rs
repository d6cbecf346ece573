//! Where an export is written to: stdout, or a file that gets its name when it is complete, so that
//! an export that fails never replaces an older one.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::app::command_error::CommandError;
use crate::telemetry::error_chain;

/// Longest export from a database: what the output is piped to may be slow.
pub(super) const LIMIT: Duration = Duration::from_hours(12);

/// The output of an export.
#[derive(Debug)]
pub(in crate::app) enum ExportTarget {
    Stdout(BufWriter<Stdout>),
    /// Something that cannot be replaced, such as a device or a link.
    Existing(BufWriter<File>, PathBuf),
    New(BufWriter<NamedTempFile>, PathBuf),
    /// Stdout was closed by its reader, which is no error: `mdl export | head`.
    Closed,
}

impl ExportTarget {
    /// Creates the file, or takes stdout.
    pub(super) fn create(output: Option<&Path>) -> Result<Self, CommandError> {
        let Some(path) = output else { return Ok(Self::Stdout(BufWriter::new(io::stdout()))) };
        let failed =
            |error: io::Error| CommandError::failed(format!("{}: {error}", path.display()));
        let existing = path.symlink_metadata().ok();
        let is_replaceable = existing.as_ref().is_none_or(std::fs::Metadata::is_file);
        if !is_replaceable {
            let file = File::create(path).map_err(failed)?;
            return Ok(Self::Existing(BufWriter::new(file), path.to_owned()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let file = create_beside(folder, existing.as_ref()).map_err(failed)?;
        Ok(Self::New(BufWriter::new(file), path.to_owned()))
    }

    /// Returns the name of the output.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Stdout(_) | Self::Closed => "stdout".to_owned(),
            Self::Existing(_, path) | Self::New(_, path) => path.display().to_string(),
        }
    }

    /// Completes the file and gives it its name.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        let (path, completed) = match self {
            Self::Stdout(mut out) => return ignore_closed(out.flush()),
            Self::Closed => return Ok(()),
            Self::Existing(mut out, path) => {
                let flushed = out.flush();
                (path, flushed)
            }
            Self::New(out, path) => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error);
                let synced = file.and_then(|file| file.as_file().sync_all().map(|()| file));
                let named = synced
                    .and_then(|file| file.persist(&path).map(drop).map_err(|failed| failed.error));
                (path, named)
            }
        };
        completed.map_err(|error| CommandError::failed(format!("{}: {error}", path.display())))
    }

    /// Adds to an error what has become of the output.
    pub(super) fn not_written(&self, error: CommandError) -> CommandError {
        let cause = error_chain(&error);
        match self {
            Self::Stdout(_) => CommandError::failed(format!("{cause}; the output is incomplete")),
            Self::Existing(_, path) => {
                CommandError::failed(format!("{cause}; {} is incomplete", path.display()))
            }
            Self::New(_, path) => {
                CommandError::failed(format!("{cause}; {} was not written", path.display()))
            }
            Self::Closed => error,
        }
    }
}

impl Write for ExportTarget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Existing(out, _) => out.write(bytes),
            Self::New(out, _) => out.write(bytes),
            Self::Closed => Ok(bytes.len()),
        };
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                *self = Self::Closed;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Existing(out, _) => out.flush(),
            Self::New(out, _) => out.flush(),
            Self::Closed => Ok(()),
        }
    }
}

fn ignore_closed(flushed: io::Result<()>) -> Result<(), CommandError> {
    match flushed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::failed(error)),
        _ => Ok(()),
    }
}

/// Creates a file with the mode of the one that it will replace, or what the umask allows.
fn create_beside(folder: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mdl-export-");
    let Some(existing) = existing else {
        return builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    };
    // Until then only its owner can read it.
    let file = builder.tempfile_in(folder)?;
    file.as_file().set_permissions(Permissions::from_mode(existing.mode() & 0o777))?;
    Ok(file)
}
