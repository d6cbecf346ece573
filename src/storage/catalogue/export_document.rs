//! Makes a document of the batches of an export, as they come.

use std::io::{self, Write};

use super::export::ExportBatch;
use crate::model::catalogue::{DocumentFormat, DocumentWriter};
use crate::storage::StorageError;

/// Length in bytes of the text that is collected before it is written.
const PIECE: usize = 64 * 1024;

/// A document that is being written to `W`.
#[derive(Debug)]
pub struct ExportDocument<W> {
    out: W,
    writer: DocumentWriter,
    /// The part of the document that is not written yet.
    text: String,
}

/// Why a document was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Stored(#[from] StorageError),
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// How a document ended.
#[derive(Debug)]
pub enum Exported<W> {
    Complete(W),
    /// Reading failed; the document lacks its end.
    Incomplete(W),
}

impl<W: Write> ExportDocument<W> {
    /// Writes a document without the fields that the server sets. `batches` returns one after the
    /// other; the document gets its end only with [`ExportBatch::End`], so that one whose reading
    /// failed never looks complete. `written` is called after each batch.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write(
        out: W,
        format: DocumentFormat,
        mut batches: impl FnMut() -> Option<ExportBatch>,
        mut written: impl FnMut(&ExportBatch),
    ) -> Result<Exported<W>, ExportError> {
        let mut document = Self { out, writer: DocumentWriter::new(format), text: String::new() };
        while let Some(batch) = batches() {
            match &batch {
                ExportBatch::Domains(rows) => {
                    for row in rows {
                        document.writer.domain(&mut document.text, &row.to_domain()?)?;
                        document.flush(PIECE)?;
                    }
                }
                ExportBatch::Metrics(rows) => {
                    for row in rows {
                        document.writer.metric(&mut document.text, &row.to_metric()?)?;
                        document.flush(PIECE)?;
                    }
                }
                ExportBatch::End => return document.finish().map(Exported::Complete),
            }
            document.flush(1)?;
            written(&batch);
        }
        Ok(Exported::Incomplete(document.out))
    }

    /// Writes the collected text if it has at least `minimum` bytes.
    fn flush(&mut self, minimum: usize) -> io::Result<()> {
        if self.text.len() >= minimum {
            self.out.write_all(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(self) -> Result<W, ExportError> {
        let Self { mut out, writer, mut text } = self;
        writer.finish(&mut text);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(batches: Vec<ExportBatch>) -> Exported<Vec<u8>> {
        let mut batches = batches.into_iter();
        let written = |_: &ExportBatch| {};
        ExportDocument::write(Vec::new(), DocumentFormat::Yaml, || batches.next(), written)
            .expect("no error")
    }

    #[test]
    fn document_ends_only_if_all_was_read() {
        let empty = || ExportBatch::Domains(Vec::new());
        let complete = write(vec![empty(), ExportBatch::End]);
        let Exported::Complete(text) = complete else { panic!("{complete:?}") };
        assert_eq!(String::from_utf8(text).unwrap(), "domains: []\nmetrics: []\n");
        let incomplete = write(vec![empty(), ExportBatch::Metrics(Vec::new())]);
        let Exported::Incomplete(text) = incomplete else { panic!("{incomplete:?}") };
        assert!(text.is_empty(), "{text:?}");
    }
}
