//! What a comparison has found, as text or JSON. It is collected in a temporary file, because a
//! transaction may run again, and a catalogue may differ in more than fits in memory.

use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};

use serde_json::Value;
use tempfile::SpooledTempFile;

use crate::app::command_error::CommandError;
use crate::app::output::printable;
use crate::model::catalogue::{DifferenceCounts, DifferenceKind, ItemDifference};
use crate::model::versions::diff::ValueChange;

/// Length up to which a report is kept in memory, in bytes.
const IN_MEMORY: usize = 1024 * 1024;

/// How differences are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportFormat {
    Text,
    Json,
    None,
}

/// The differences so far.
pub(super) struct Report {
    format: ReportFormat,
    out: BufWriter<SpooledTempFile>,
    counts: DifferenceCounts,
    /// Why it could not be collected; [`Report::print`] returns it.
    failure: Option<io::Error>,
}

impl Report {
    /// Creates a report without differences.
    pub(super) fn new(format: ReportFormat) -> Self {
        let out = BufWriter::new(tempfile::spooled_tempfile(IN_MEMORY));
        Self { format, out, counts: DifferenceCounts::default(), failure: None }
    }

    /// Whether nothing differs.
    pub(super) fn is_equal(&self) -> bool {
        self.counts.differences() == 0
    }

    /// Adds an item that was compared.
    pub(super) fn add(&mut self, item: &ItemDifference) {
        let is_first = self.is_equal();
        self.counts.add(item.difference);
        if let Err(error) = self.write(item, is_first) {
            self.failure.get_or_insert(error);
        }
    }

    fn write(&mut self, item: &ItemDifference, is_first: bool) -> io::Result<()> {
        if item.difference == DifferenceKind::Unchanged {
            return Ok(());
        }
        match self.format {
            ReportFormat::None => Ok(()),
            ReportFormat::Json => {
                let text = serde_json::to_string_pretty(item)?.replace('\n', "\n    ");
                write!(self.out, "{}{text}", if is_first { "\n    " } else { ",\n    " })
            }
            ReportFormat::Text => {
                let (what, kind) = (item.difference.as_ref(), item.kind.as_ref());
                writeln!(self.out, "{what} {kind} {}", printable(&item.id))?;
                for change in &item.changes {
                    writeln!(self.out, "  {}", line(change))?;
                }
                Ok(())
            }
        }
    }

    /// Prints the report to stdout.
    pub(super) fn print(self) -> Result<(), CommandError> {
        match self.write_to(&mut io::stdout().lock()) {
            // As `mdl diff | head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(CommandError::failed),
        }
    }

    fn write_to(self, stdout: &mut impl Write) -> io::Result<()> {
        let Self { format, out, counts, failure } = self;
        if let Some(error) = failure {
            return Err(error);
        }
        let mut found = out.into_inner()?;
        found.seek(SeekFrom::Start(0))?;
        match format {
            ReportFormat::None => return Ok(()),
            ReportFormat::Text => {
                io::copy(&mut found, stdout)?;
                let DifferenceCounts { unchanged, created, changed, missing } = counts;
                writeln!(
                    stdout,
                    "created {created}, changed {changed}, missing {missing}, \
                     unchanged {unchanged}"
                )?;
            }
            ReportFormat::Json => {
                write!(stdout, "{{\n  \"differences\": [")?;
                io::copy(&mut found, stdout)?;
                let end = if counts.differences() == 0 { "" } else { "\n  " };
                let counts = serde_json::to_string_pretty(&counts)?.replace('\n', "\n  ");
                writeln!(stdout, "{end}],\n  \"counts\": {counts}\n}}")?;
            }
        }
        stdout.flush()
    }
}

/// Returns a changed field in one line.
fn line(change: &ValueChange) -> String {
    let shown = |value: &Option<Value>| match value {
        None => "absent".to_owned(),
        Some(value) => printable(&value.to_string()),
    };
    format!("{}: {} -> {}", printable(&change.path), shown(&change.old), shown(&change.new))
}

#[cfg(test)]
mod tests;
