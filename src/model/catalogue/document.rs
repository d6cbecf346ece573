//! Reads a document item by item, so that never more than one item is held in its parsed form,
//! however long the document is. What an item means is in `draft`; the limits of YAML are in
//! `yaml`. A document is an object with the lists `domains` and `metrics`, each at most once and in
//! any order.

mod reading;

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::DeserializeSeed;

pub use self::reading::{DocumentSink, MAX_ITEMS, Section};
use self::reading::{DocumentVisitor, Reading};
use super::yaml;
use crate::model::json;
use crate::model::violations::Violation;

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// JSON, RFC 8259.
    Json,
    /// YAML of version 1.2.
    Yaml,
}

/// Where a document comes from.
pub enum DocumentInput<'a> {
    /// A document in memory.
    Bytes(&'a [u8]),
    /// A file, and its length in bytes.
    Stream(&'a mut dyn Read, u64),
}

impl fmt::Debug for DocumentInput<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("DocumentInput").field(&self.length()).finish()
    }
}

impl DocumentInput<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Stream(_, length) => usize::try_from(*length).unwrap_or(usize::MAX),
        }
    }
}

/// Reads a document to its end.
///
/// # Errors
/// Violations of the document as a whole. Items that precede them have been passed to the sink.
pub fn read_document(
    input: DocumentInput<'_>,
    format: DocumentFormat,
    sink: &mut dyn DocumentSink,
) -> Result<(), Vec<Violation>> {
    let left = match format {
        DocumentFormat::Json => usize::MAX,
        DocumentFormat::Yaml => yaml::max_weight(input.length()),
    };
    let mut reading = Reading::new(sink, left);
    let failure = match format {
        DocumentFormat::Json => read_json(input, &mut reading),
        DocumentFormat::Yaml => read_yaml(input, &mut reading),
    };
    let problems = reading.finish(failure.err());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn read_json(input: DocumentInput<'_>, reading: &mut Reading<'_>) -> Result<(), String> {
    let parsed = match input {
        DocumentInput::Bytes(bytes) => {
            let mut parser = serde_json::Deserializer::from_slice(bytes);
            DocumentVisitor(reading).deserialize(&mut parser).and_then(|()| parser.end())
        }
        DocumentInput::Stream(reader, _) => {
            let mut parser = serde_json::Deserializer::from_reader(BufReader::new(reader));
            DocumentVisitor(reading).deserialize(&mut parser).and_then(|()| parser.end())
        }
    };
    parsed.map_err(|error| {
        if error.is_io() { format!("cannot be read: {error}") } else { json::error_message(&error) }
    })
}

fn read_yaml(input: DocumentInput<'_>, reading: &mut Reading<'_>) -> Result<(), String> {
    let options = yaml::options(input.length());
    let parsed = match input {
        DocumentInput::Bytes(bytes) => {
            serde_saphyr::with_deserializer_from_slice_with_options(bytes, options, |parser| {
                DocumentVisitor(reading).deserialize(parser)
            })
        }
        DocumentInput::Stream(reader, _) => {
            let reader = BufReader::new(reader);
            serde_saphyr::with_deserializer_from_reader_with_options(reader, options, |parser| {
                DocumentVisitor(reading).deserialize(parser)
            })
        }
    };
    parsed.map_err(|error| yaml::error_message(&error))
}
