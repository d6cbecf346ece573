//! The format of API keys: `mdl_`, 40 random base62 characters, and a CRC-32 of both in 6 more.
//! The checksum lets the service refuse a mistyped or invented key without a lookup, and lets
//! secret scanners recognise keys (as GitHub describes in "Behind GitHub's new authentication token
//! formats"). Legacy keys, `mdl_` and 64 hexadecimal digits, have no checksum. Only the SHA-256 of
//! a key is stored; as it has 238 random bits (a legacy key 256), nothing slower is needed.

use std::fmt;

use rand::Rng;
use rand::distr::Alphanumeric;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::digest::hex;

const PREFIX: &str = "mdl_";
const RANDOM_CHARS: usize = 40;
const CHECKSUM_CHARS: usize = 6;
const LEGACY_DIGITS: usize = 64;
/// Length of the prefix by which users recognise a key.
const SHOWN_CHARS: usize = 8;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A regular expression for secret scanners.
pub const PATTERN: &str = "mdl_(?:[0-9A-Za-z]{46}|[0-9a-f]{64})";

/// A well-formed API key. `Debug` does not print it, and it is wiped when it is dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// The SHA-256 of a key, which is stored and used for lookups.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyFormat {
    Checksummed,
    Legacy,
}

/// A text is not an API key, or its checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed API key")]
pub struct MalformedKey;

impl ApiKey {
    /// Generates a key.
    pub fn generate() -> Self {
        let random = rand::rng().sample_iter(Alphanumeric).take(RANDOM_CHARS).map(char::from);
        let mut text: Zeroizing<String> = Zeroizing::new(PREFIX.chars().chain(random).collect());
        let checksum = checksum(&text);
        text.extend(checksum);
        Self(text)
    }

    /// Parses a key.
    ///
    /// # Errors
    /// [`MalformedKey`] for another format or a wrong checksum.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let key = Self(Zeroizing::new(text.to_owned()));
        key.format().map(|_| key).ok_or(MalformedKey)
    }

    fn format(&self) -> Option<KeyFormat> {
        let body = self.0.strip_prefix(PREFIX)?;
        let is_alphanumeric = body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if body.len() == RANDOM_CHARS + CHECKSUM_CHARS && is_alphanumeric {
            let (checked, sum) = self.0.split_at_checked(PREFIX.len() + RANDOM_CHARS)?;
            return checksum(checked).eq(sum.chars()).then_some(KeyFormat::Checksummed);
        }
        let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (body.len() == LEGACY_DIGITS && body.bytes().all(is_hexadecimal))
            .then_some(KeyFormat::Legacy)
    }

    /// Whether the key has the format of earlier versions, without a checksum.
    pub fn is_legacy(&self) -> bool {
        self.format() == Some(KeyFormat::Legacy)
    }

    /// Returns the hash that the key is stored under.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Returns the first characters, by which users recognise the key.
    pub fn prefix(&self) -> &str {
        self.0.get(..SHOWN_CHARS).unwrap_or_default()
    }

    /// Returns the key itself, which is shown only once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Returns the CRC-32 (IEEE) in base62, most significant digit first.
fn checksum(text: &str) -> impl Iterator<Item = char> + use<> {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = ['0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get(rest as usize % BASE62.len()).copied().map_or('0', char::from);
        rest /= 62;
    }
    digits.into_iter()
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([REDACTED])")
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHash([REDACTED])")
    }
}

impl KeyHash {
    /// Returns the hash as it is stored: 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

#[cfg(test)]
mod tests;
