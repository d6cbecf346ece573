//! Lists of entity tags in `If-Match` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1), and what our
//! own tags say.
//!
//! The tag of an item is its version. What follows a `+` says which fields the response has, and
//! what follows a `;` how its body is compressed: such a response is another representation, of the
//! same version.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use thiserror::Error;

/// The encodings of responses (`extract::accepted_encoding`), as their tags name them.
const ENCODINGS: [&str; 4] = ["br", "deflate", "gzip", "zstd"];

/// A header that is no list of entity tags.
#[derive(Clone, Copy, Debug, Error)]
#[error("must be a list of quoted entity tags, or *")]
pub struct MalformedTags;

/// What a client names in one of the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: whatever exists.
    Any,
    Listed(Vec<EntityTag>),
}

/// An entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    pub is_weak: bool,
    /// The text between the quotes. Bytes beyond ASCII are read as Latin-1: none of our tags has
    /// any.
    pub opaque: String,
}

/// How a client names the response that it has stored.
#[derive(Clone, Copy, Debug)]
pub enum StoredTag<'a> {
    /// Whatever exists (`*`).
    Any,
    /// The text between the quotes.
    Named(&'a str),
}

impl EntityTag {
    /// The tag without what it says about compression.
    pub fn identity(&self) -> &str {
        match self.opaque.rsplit_once(';') {
            Some((tag, encoding)) if ENCODINGS.contains(&encoding) => tag,
            _ => &self.opaque,
        }
    }

    /// The version of the item.
    pub fn version(&self) -> &str {
        let tag = self.identity();
        tag.split_once('+').map_or(tag, |(version, _)| version)
    }
}

impl EntityTags {
    /// Reads a header, which may be sent in several lines. None if there is none.
    ///
    /// # Errors
    /// [`MalformedTags`] if it is not `*` or a list with at least one tag.
    pub fn from_headers(
        headers: &HeaderMap,
        name: &HeaderName,
    ) -> Result<Option<Self>, MalformedTags> {
        let mut lines = headers.get_all(name).map(HeaderValue::as_bytes).peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        // Lines of one header are one list (RFC 9110, 5.3).
        let text = lines.collect::<Vec<_>>().join(&b',');
        if text.trim_ascii() == b"*" {
            return Ok(Some(Self::Any));
        }
        let tags = listed(&text).filter(|tags| !tags.is_empty()).ok_or(MalformedTags)?;
        Ok(Some(Self::Listed(tags)))
    }
}

/// Formats a version as an entity tag.
pub fn etag(version: &str) -> String {
    format!("\"{version}\"")
}

/// Reads a list, whose items may be empty (RFC 9110, 5.6.1.2). None if it is malformed.
fn listed(text: &[u8]) -> Option<Vec<EntityTag>> {
    let (mut tags, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_ascii_start();
        rest = match rest {
            [] => return Some(tags),
            [b',', rest @ ..] => rest,
            _ => {
                let (tag, after) = tag(rest)?;
                tags.push(tag);
                let after = after.trim_ascii_start();
                if !matches!(after, [] | [b',', ..]) {
                    return None;
                }
                after
            }
        };
    }
}

/// Reads the tag at the beginning of a text, and returns it with what follows.
fn tag(text: &[u8]) -> Option<(EntityTag, &[u8])> {
    let (is_weak, text) = text.strip_prefix(b"W/").map_or((false, text), |text| (true, text));
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| *byte == b'"')?;
    let (opaque, rest) = text.split_at_checked(end)?;
    // 0x21, 0x23 to 0x7E, and obs-text.
    let is_valid = opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
    let opaque = opaque.iter().copied().map(char::from).collect();
    is_valid.then_some((EntityTag { is_weak, opaque }, rest.get(1..)?))
}

#[cfg(test)]
mod tests;
