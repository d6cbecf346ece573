//! Cursors: opaque texts that say after which item a list goes on. A cursor holds the sort key and
//! the id of that item, and a checksum over both and over the list (its filters and sort), so that
//! a malformed cursor and one of another list are refused. It is no secret and proves nothing: with
//! an invented one a caller gets items of the list, which it may read anyway.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Length of the checksum in bytes.
const CHECKSUM: usize = 8;

/// The position of an item in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    pub key: SortKey,
    pub id: String,
}

/// The value of the field that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    Instant(#[serde(with = "chrono::serde::ts_microseconds")] DateTime<Utc>),
    Text(String),
}

/// A list, as far as its items and their order are concerned: name, filters and sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListIdentity(String);

impl ListIdentity {
    /// Identifies a list by its name and its query parameters. Those that only say which part of it
    /// is requested, or which fields, make no difference.
    pub fn new(name: &str, parameters: &[(String, String)]) -> Self {
        let irrelevant = ["page", "limit", "cursor", "fields"];
        let mut relevant: Vec<_> =
            parameters.iter().filter(|(name, _)| !irrelevant.contains(&name.as_str())).collect();
        relevant.sort();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        Self(format!("{name}?{}", query.extend_pairs(relevant).finish()))
    }

    fn checksum(&self, content: &[u8]) -> [u8; CHECKSUM] {
        let digest = Sha256::new().chain_update(&self.0).chain_update([0]).chain_update(content);
        let mut checksum = [0; CHECKSUM];
        for (to, from) in checksum.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        checksum
    }
}

impl ListPosition {
    /// Encodes the position in a list.
    pub fn to_cursor(&self, list: &ListIdentity) -> String {
        // Texts and numbers can always be serialised.
        let content = serde_json::to_vec(&(&self.key, &self.id)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode([&list.checksum(&content)[..], &content].concat())
    }

    /// Decodes a cursor; none if it was not made for this list.
    pub fn from_cursor(cursor: &str, list: &ListIdentity) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (checksum, content) = bytes.split_at_checked(CHECKSUM)?;
        if checksum != list.checksum(content) {
            return None;
        }
        let (key, id): (SortKey, String) = serde_json::from_slice(content).ok()?;
        // An invented cursor can hold what no stored item has, and what the database refuses.
        let is_storable = match &key {
            SortKey::Text(text) => !text.contains('\0'),
            SortKey::Instant(instant) => (1..=9999).contains(&instant.year()),
        };
        (is_storable && !id.contains('\0')).then_some(Self { key, id })
    }
}

#[cfg(test)]
mod tests;
