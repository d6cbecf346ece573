//! The document of an import: a file, or stdin. It can be read several times, because a transaction
//! may run again and an import through a service begins with a dry run.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tempfile::NamedTempFile;

use crate::app::command_error::CommandError;
use crate::model::catalogue::{DocumentFormat, DocumentInput, DocumentSink, read_document};
use crate::model::version_records::RecordFileHeader;
use crate::model::violations::Violation;

/// Number of bytes in which the format shows.
const BEGINNING: usize = 4096;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A document that can be read several times.
#[derive(Debug)]
pub(in crate::app::commands) struct ImportSource {
    path: PathBuf,
    /// A copy of what can be read only once: stdin or a pipe.
    copy: Option<NamedTempFile>,
    format: DocumentFormat,
    /// Length of the document in bytes.
    length: u64,
    /// Number of bytes before it.
    skipped: u64,
    /// Whether it is a file of `mdl export --versions`.
    has_versions: bool,
}

impl ImportSource {
    /// Opens a file, or stdin if it is named `-`.
    pub(in crate::app::commands) fn open(path: &Path) -> Result<Self, CommandError> {
        Self::open_file(path)
            .map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))
    }

    fn open_file(path: &Path) -> io::Result<Self> {
        let copy = if path == Path::new("-") {
            Some(copy(&mut io::stdin().lock())?)
        } else {
            let data = path.metadata()?;
            if data.is_dir() {
                return Err(io::Error::new(ErrorKind::IsADirectory, "is a folder, not a file"));
            }
            if data.is_file() { None } else { Some(copy(&mut File::open(path)?)?) }
        };
        let mut file = reopen(path, copy.as_ref())?;
        let length = file.metadata()?.len();
        let mut beginning = Vec::new();
        file.by_ref().take(BEGINNING as u64).read_to_end(&mut beginning)?;
        let marked = beginning.starts_with(BYTE_ORDER_MARK);
        let skipped = if marked { BYTE_ORDER_MARK.len() as u64 } else { 0 };
        let format = format(path, &beginning);
        let (path, length) = (path.to_owned(), length.saturating_sub(skipped));
        let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&beginning);
        let has_versions = RecordFileHeader::begins(text);
        Ok(Self { path, copy, format, length, skipped, has_versions })
    }

    /// Returns the length of the document in bytes.
    pub(in crate::app::commands) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the format of the document.
    pub(in crate::app::commands) fn format(&self) -> DocumentFormat {
        self.format
    }

    /// Whether it is a file of `mdl export --versions`, which is no document.
    pub(in crate::app::commands) fn has_versions(&self) -> bool {
        self.has_versions
    }

    /// Returns the document as it is.
    pub(in crate::app::commands) fn bytes(&self) -> Result<Vec<u8>, CommandError> {
        let mut bytes = Vec::new();
        let read = self.reader().and_then(|mut file| file.read_to_end(&mut bytes));
        read.map(|_| bytes)
            .map_err(|error| CommandError::failed(format!("{}: {error}", self.path.display())))
    }

    /// Reads the document from its beginning to its end, and shows in `bar` how far it is.
    pub(in crate::app::commands) fn read(
        &self,
        sink: &mut dyn DocumentSink,
        bar: &ProgressBar,
    ) -> Result<(), Vec<Violation>> {
        let file = self.reader();
        let file =
            file.map_err(|error| vec![Violation::new("", format!("cannot be read: {error}"))])?;
        bar.set_position(0);
        let mut reader = bar.wrap_read(file);
        read_document(DocumentInput::Stream(&mut reader, self.length), self.format, sink)
    }

    /// Opens the document at its beginning.
    pub(super) fn reader(&self) -> io::Result<File> {
        let mut file = reopen(&self.path, self.copy.as_ref())?;
        file.seek(SeekFrom::Start(self.skipped))?;
        Ok(file)
    }
}

fn reopen(path: &Path, copy: Option<&NamedTempFile>) -> io::Result<File> {
    copy.map_or_else(|| File::open(path), NamedTempFile::reopen)
}

fn copy(input: &mut dyn Read) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    io::copy(input, file.as_file_mut())?;
    Ok(file)
}

/// JSON if the file's name or its first character says so, otherwise YAML; JSON with tabs or
/// repeated keys is not valid YAML.
fn format(path: &Path, beginning: &[u8]) -> DocumentFormat {
    let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning);
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        || text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if json { DocumentFormat::Json } else { DocumentFormat::Yaml }
}
