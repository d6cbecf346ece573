//! The document of an import, as a file or as a text that a form has kept.

use crate::credentials::digest::fingerprint;
use crate::http::error::ApiError;
use crate::http::extract::upload::{UploadBody, UploadField, document_too_large};
use crate::model::catalogue::DocumentFormat;

/// The field with the document.
pub(super) const DOCUMENT: &str = "document";
/// The field with the format of a document that is not a file.
pub(super) const FORMAT: &str = "format";
/// The field with the fingerprint of the document that was previewed.
pub(super) const SEEN: &str = "seen";
/// The field with the epoch of the catalogue that it was compared with.
pub(super) const EPOCH: &str = "epoch";

/// A document that is to be imported.
#[derive(Debug)]
pub(super) struct ImportDocument {
    /// Its lines end with a line feed alone: browsers send the texts of forms with other ends, and
    /// neither JSON nor YAML tells them apart.
    pub(super) text: String,
    pub(super) format: DocumentFormat,
}

impl ImportDocument {
    /// Takes the document of a form.
    ///
    /// # Errors
    /// [`ApiError::Validation`] if it has none, or one that is not UTF-8;
    /// [`ApiError::PayloadTooLarge`] for more than `max` bytes.
    pub(super) fn from_upload(upload: &UploadBody, max: usize) -> Result<Self, ApiError> {
        let missing = || ApiError::invalid(DOCUMENT, "choose a file that is not empty");
        let field = upload.find(DOCUMENT).filter(|field| !field.bytes.is_empty());
        let field = field.ok_or_else(missing)?;
        let text = std::str::from_utf8(&field.bytes);
        let text = text.map_err(|_| ApiError::invalid(DOCUMENT, "must be UTF-8"))?;
        // A byte order mark, which some editors write.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.len() > max {
            return Err(document_too_large(max));
        }
        let is_json = match upload.text(FORMAT) {
            "" => is_json(field),
            format => format == format_name(DocumentFormat::Json),
        };
        let format = if is_json { DocumentFormat::Json } else { DocumentFormat::Yaml };
        Ok(Self { text, format })
    }

    /// Returns the name of the format, as the form has it.
    pub(super) fn format_name(&self) -> &'static str {
        format_name(self.format)
    }

    /// Returns the fingerprint of the text and its format.
    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&format!("{} {}", self.format_name(), self.text))
    }
}

fn is_json(field: &UploadField) -> bool {
    let name = field.file_name.as_deref().unwrap_or_default();
    name.rsplit('.').next().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn format_name(format: DocumentFormat) -> &'static str {
    match format {
        DocumentFormat::Json => "json",
        DocumentFormat::Yaml => "yaml",
    }
}
