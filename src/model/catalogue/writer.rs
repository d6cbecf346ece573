//! Writes a document item by item: the counterpart of `document`. The text is the same as if the
//! whole catalogue was serialised at once, so that exports can be compared byte by byte.

use std::io;

use serde::Serialize;

use super::document::{DocumentFormat, Section};
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;

/// Appends the parts of a document to a text that the caller empties from time to time: all
/// domains, all metrics, the end.
#[derive(Debug)]
pub struct DocumentWriter {
    format: DocumentFormat,
    /// The list that is being written.
    section: Option<Section>,
    /// Number of items in it.
    items: usize,
}

impl DocumentWriter {
    /// Creates a writer for one document.
    pub fn new(format: DocumentFormat) -> Self {
        Self { format, section: None, items: 0 }
    }

    /// Appends a domain; no metric may precede it.
    ///
    /// # Errors
    /// If the item cannot be serialised, which does not happen.
    pub fn domain(&mut self, text: &mut String, domain: &BusinessDomain) -> io::Result<()> {
        self.begin(Section::Domains, text);
        self.item(text, domain)
    }

    /// Appends a metric.
    ///
    /// # Errors
    /// If the item cannot be serialised, which does not happen.
    pub fn metric(&mut self, text: &mut String, metric: &Metric) -> io::Result<()> {
        self.begin(Section::Metrics, text);
        self.item(text, metric)
    }

    /// Appends the end of the document.
    pub fn finish(mut self, text: &mut String) {
        self.begin(Section::Metrics, text);
        self.end_section(text);
        if self.format == DocumentFormat::Json {
            text.push_str("\n}\n");
        }
    }

    /// Begins a list, and with the second one ends the first.
    fn begin(&mut self, section: Section, text: &mut String) {
        if self.section == Some(section) {
            return;
        }
        match self.section {
            None if section == Section::Metrics => self.begin(Section::Domains, text),
            None if self.format == DocumentFormat::Json => text.push('{'),
            _ => {}
        }
        if self.section.is_some() {
            self.end_section(text);
            if self.format == DocumentFormat::Json {
                text.push(',');
            }
        }
        match self.format {
            DocumentFormat::Json => {
                text.push_str("\n  \"");
                text.push_str(section.name());
                text.push_str("\": [");
            }
            DocumentFormat::Yaml => {
                text.push_str(section.name());
                text.push(':');
            }
        }
        (self.section, self.items) = (Some(section), 0);
    }

    fn end_section(&self, text: &mut String) {
        text.push_str(match (self.format, self.items) {
            (DocumentFormat::Json, 0) => "]",
            (DocumentFormat::Json, _) => "\n  ]",
            (DocumentFormat::Yaml, 0) => " []\n",
            (DocumentFormat::Yaml, _) => "",
        });
    }

    fn item<T: Serialize>(&mut self, text: &mut String, item: &T) -> io::Result<()> {
        match self.format {
            DocumentFormat::Json => {
                text.push_str(if self.items == 0 { "\n    " } else { ",\n    " });
                // A line break within a text is written as \n.
                text.push_str(&serde_json::to_string_pretty(item)?.replace('\n', "\n    "));
            }
            DocumentFormat::Yaml => {
                if self.items == 0 {
                    text.push('\n');
                }
                let list = serde_saphyr::to_string(&[item]);
                text.push_str(&list.map_err(io::Error::other)?);
            }
        }
        self.items = self.items.saturating_add(1);
        Ok(())
    }
}
