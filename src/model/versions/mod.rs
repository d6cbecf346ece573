//! The versions of an item of the catalogue: each change leads to a new one, and the content of
//! all of them is kept. [`diff`] compares two contents field by field, `words` two texts; [`query`]
//! has the parameters of requests, [`name`] those of commands. `storage::versions` reads what is
//! kept.

pub mod diff;
pub mod name;
pub mod query;
pub mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

use super::metrics::history::ChangeType;

/// How a change was made.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangeChannel {
    /// A request that changed this item.
    Api,
    /// A document that was imported over the API, or the sample.
    Import,
    /// A request that restored a former version.
    Restore,
    /// The business domain of a metric got another name.
    DomainRename,
    /// A command of `mdl` on the database itself.
    Command,
}

/// Who makes a revision, how, and when.
#[derive(Clone, Copy, Debug)]
pub struct RevisionStamp<'a> {
    pub author: &'a str,
    pub channel: ChangeChannel,
    pub now: DateTime<Utc>,
}

/// A version of an item without its content, or the deletion of the item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionEntry {
    /// 1, 2, 3 … without gaps.
    pub revision: i32,
    /// Version after the change; of a deletion the version that was deleted.
    pub version: String,
    /// Version before the change; null for the first.
    pub previous_version: Option<String>,
    /// Time of the change, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// User name of the author; empty where it is not known.
    pub changed_by: String,
    /// Kind of change.
    pub change_type: ChangeType,
    /// How the change was made; null for changes before versions were kept.
    pub channel: Option<ChangeChannel>,
    /// Paths of the fields that changed, e.g. `definition.formula`.
    pub fields_changed: Vec<String>,
    /// One sentence about the change.
    pub changes_summary: String,
    /// Whether the content can be read, compared and restored. It is not kept of versions that were
    /// replaced before this service kept versions.
    pub content_kept: bool,
}

/// A version of an item with its content. Its schemas are in `http::openapi::versions`.
#[derive(Clone, Debug, Serialize)]
pub struct Version<T> {
    #[serde(flatten)]
    pub entry: VersionEntry,
    pub content: T,
}
