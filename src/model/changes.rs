//! The change feed: all changes of metrics and business domains in the one order in which they were
//! made. A cursor names the last change that a client has read. `storage::catalogue_changes` reads.
//!
//! A cursor holds position and time of that change, and a checksum. It is no secret and proves
//! nothing: with an invented one a caller gets changes, which it may read anyway. The time is
//! compared with the stored one: after a backup was restored, another change may have the position.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::{AsRefStr, EnumString};
use utoipa::ToSchema;

use super::metrics::history::ChangeType;
use super::page::PageRequest;
use super::versions::ChangeChannel;
use super::violations::Violation;

/// Changes per response by default, and at most.
pub const MAX_CHANGES: i64 = 100;
/// The value of `since` for the beginning of the feed.
const START: &str = "start";
/// The value of `since` for its present end.
const END: &str = "end";
/// Length of the checksum in bytes.
const CHECKSUM: usize = 8;

/// The kind of an item of the catalogue.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, AsRefStr, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ItemKind {
    Metric,
    /// A business domain.
    Domain,
}

impl ItemKind {
    /// Returns the pointers (RFC 6901) of the fields that the server sets. Comparisons of versions
    /// leave them out.
    pub const fn set_by_server(self) -> &'static [&'static str] {
        match self {
            Self::Metric => &[
                "/metadata/version",
                "/metadata/created_at",
                "/metadata/created_by",
                "/metadata/last_updated",
                "/metadata/last_updated_by",
            ],
            Self::Domain => &["/version", "/created_at", "/updated_at"],
        }
    }

    /// Returns the path of a version of an item.
    pub fn version_path(self, id: &str, version: &str) -> String {
        let list = match self {
            Self::Metric => "metrics",
            Self::Domain => "domains",
        };
        format!("/api/v1/{list}/{id}/versions/{version}")
    }
}

/// A change of a metric or business domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CatalogueChange {
    /// `since` of a request for what follows this change.
    pub cursor: String,
    /// What was changed.
    pub kind: ItemKind,
    /// `metric_id` or `domain_id`.
    pub id: String,
    /// Number of the change among those of the item: 1, 2, 3 … without gaps.
    pub revision: i32,
    /// Version after the change; of a deletion the version that was deleted.
    pub version: String,
    /// Kind of change.
    pub change_type: ChangeType,
    /// Time of the change, RFC 3339 in UTC; never earlier than that of a change before it.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// User name of the author; empty where it is not known.
    pub changed_by: String,
    /// How the change was made; null for changes before versions were kept.
    pub channel: Option<ChangeChannel>,
    /// Paths of the fields that changed, e.g. `definition.formula`.
    pub fields_changed: Vec<String>,
    /// One sentence about the change.
    pub changes_summary: String,
    /// Path of the version, which is not found if its content was not kept.
    pub href: String,
}

/// A place in the feed: after the change with this position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeCursor {
    /// 0 at the beginning.
    pub position: i64,
    /// The time of the change, in microseconds since 1970.
    pub time: i64,
}

/// Where a reader of the feed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedStart {
    After(ChangeCursor),
    /// After the last change that there is.
    End,
}

/// The query parameters of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangesQuery {
    pub since: FeedStart,
    /// 1 to [`MAX_CHANGES`].
    pub limit: i64,
}

impl ChangesQuery {
    /// Parses decoded query parameters. Without `since` the feed is read from its beginning.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or invalid.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Vec<Violation>> {
        let mut page = PageRequest { page: 1, limit: MAX_CHANGES };
        let mut since = Some(FeedStart::After(ChangeCursor::default()));
        PageRequest::parse_with(parameters, |name, value| {
            match name {
                "since" => since = FeedStart::parse(value),
                "page" => return Err("is not a known parameter".into()),
                _ => return page.set(name, value),
            }
            Ok(())
        })?;
        let since = since.ok_or_else(|| foreign_change_cursor("since"))?;
        Ok(Self { since, limit: page.limit })
    }
}

impl FeedStart {
    /// Parses `start`, `end` or a cursor; none if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            START => Some(Self::After(ChangeCursor::default())),
            END => Some(Self::End),
            cursor => ChangeCursor::parse(cursor).map(Self::After),
        }
    }
}

impl ChangeCursor {
    /// The place after a change.
    pub fn new(position: i64, time: DateTime<Utc>) -> Self {
        Self { position, time: time.timestamp_micros() }
    }

    /// Encodes the cursor.
    pub fn encode(self) -> String {
        let content = [self.position.to_be_bytes(), self.time.to_be_bytes()].concat();
        URL_SAFE_NO_PAD.encode([&checksum(&content)[..], &content].concat())
    }

    /// Decodes a cursor; none if it is not one of the feed.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sent, content) = bytes.split_at_checked(CHECKSUM)?;
        let (position, time) = content.split_at_checked(8)?;
        let position = i64::from_be_bytes(position.try_into().ok()?);
        let time = i64::from_be_bytes(time.try_into().ok()?);
        (sent == checksum(content) && position >= 0).then_some(Self { position, time })
    }
}

/// Returns the violation of a cursor that is not one of this feed.
pub fn foreign_change_cursor(field: &str) -> Vec<Violation> {
    let message = "must be start, end, or a cursor of this feed; after a backup was restored, \
                   read the catalogue and begin at end";
    vec![Violation::new(field, message)]
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(b"changes\0").chain_update(content);
    let mut checksum = [0; CHECKSUM];
    for (to, from) in checksum.iter_mut().zip(digest.finalize()) {
        *to = from;
    }
    checksum
}

#[cfg(test)]
mod tests;
