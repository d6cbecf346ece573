//! The file of `mdl export --versions`: all changes of the catalogue in the order of the change
//! feed, each with the content to which it led. It is JSON Lines, one object a line: a header, the
//! changes, and an end, without which the file is incomplete. [`checker`] says which files can be
//! imported; `storage::version_records` reads and writes the database.

pub mod checker;
mod content;
mod sequence;
mod server_fields;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::changes::ItemKind;
use super::metrics::history::ChangeType;
use super::versions::ChangeChannel;

/// Maximum length of a line in bytes: an item of 256 KiB, written with spaces, and its entry.
pub const MAX_LINE: usize = 1024 * 1024;
/// The format of the file, and the version that is written, the only one that is read.
const FORMAT: (&str, u32) = ("mdl-versions", 1);

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFileHeader {
    /// Always `mdl-versions`, by which such a file is recognised.
    format: String,
    format_version: u32,
    /// RFC 3339: lists as of an earlier instant are refused, because not all contents were kept.
    /// Null if all were.
    pub versions_since: Option<String>,
}

impl RecordFileHeader {
    /// Creates the header of a file that is written now.
    pub fn new(versions_since: Option<String>) -> Self {
        Self { format: FORMAT.0.to_owned(), format_version: FORMAT.1, versions_since }
    }

    /// Whether a file that begins with these bytes is meant to be one of versions.
    pub fn begins(text: &[u8]) -> bool {
        let prefix = format!("{{\"format\":\"{}\"", FORMAT.0);
        let mut text = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        prefix.bytes().all(|expected| text.next() == Some(&expected))
    }
}

/// A change, with its content unless it is a deletion or the content was not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRecord {
    pub kind: ItemKind,
    /// `metric_id` or `domain_id`.
    pub id: String,
    /// Number of the change among those of the item, ascending.
    pub revision: i32,
    /// Version after the change; of a deletion the version that was deleted.
    pub version: String,
    /// Time of the change, RFC 3339 in UTC.
    pub changed_at: String,
    pub changed_by: String,
    pub change_type: ChangeType,
    pub channel: Option<ChangeChannel>,
    pub fields_changed: Vec<String>,
    pub changes_summary: String,
    /// Whether this is the present version of the item.
    #[serde(default)]
    pub present: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<RawValue>>,
}

/// The last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFileEnd {
    /// Number of the changes before it.
    pub changes: u64,
}

impl RecordFileEnd {
    /// Longest line that can be an end, in bytes.
    const MAX_LENGTH: usize = 64;

    /// Parses a line; none if it is another one.
    pub fn parse(line: &str) -> Option<Self> {
        if line.len() > Self::MAX_LENGTH { None } else { serde_json::from_str(line).ok() }
    }
}
