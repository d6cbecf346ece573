//! The format of API keys: `mdl_`, 40 random base62 characters, and 6 of a CRC-32 over all that
//! precedes, so that a mistyped or invented key is refused without being looked up, and a scanner
//! of source code can tell a key from noise (the idea is GitHub's:
//! <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>).
//! Older keys, `mdl_` and 64 hexadecimal digits, have no checksum.
//!
//! At rest there is only the SHA-256: a key has 238 random bits (an older one 256), so nothing
//! slower is needed.

use std::fmt;

use rand::Rng;
use rand::distr::Alphanumeric;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::digest::hex;

const PREFIX: &str = "mdl_";
const RANDOM: usize = 40;
const CHECKSUM: usize = 6;
const OLD_DIGITS: usize = 64;
/// How much of a key is shown to tell it from others.
const SHOWN: usize = 8;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What finds a key in a source text; for secret scanners.
pub const PATTERN: &str = "mdl_(?:[0-9A-Za-z]{46}|[0-9a-f]{64})";

/// A well-formed API key. Never printed by accident, and wiped when it is dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// The SHA-256 of a key: what is stored, and what it is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

/// Which format a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// With a checksum.
    Checked,
    /// An older one, without.
    Old,
}

/// No API key: another form, or a wrong checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedKey;

impl ApiKey {
    /// A new one.
    pub fn generate() -> Self {
        let random = rand::rng().sample_iter(Alphanumeric).take(RANDOM).map(char::from);
        let mut text: Zeroizing<String> = Zeroizing::new(PREFIX.chars().chain(random).collect());
        let checksum = checksum(&text);
        text.extend(checksum);
        Self(text)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`MalformedKey`].
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let key = Self(Zeroizing::new(text.to_owned()));
        key.format().map(|_| key).ok_or(MalformedKey)
    }

    fn format(&self) -> Option<KeyFormat> {
        let body = self.0.strip_prefix(PREFIX)?;
        if body.len() == RANDOM + CHECKSUM && body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            let (checked, sum) = self.0.split_at_checked(PREFIX.len() + RANDOM)?;
            return checksum(checked).eq(sum.chars()).then_some(KeyFormat::Checked);
        }
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (body.len() == OLD_DIGITS && body.bytes().all(hexadecimal)).then_some(KeyFormat::Old)
    }

    /// Which format it has.
    pub fn is_old(&self) -> bool {
        self.format() == Some(KeyFormat::Old)
    }

    /// What it is found by.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Its first characters, by which its owner tells it from others.
    pub fn prefix(&self) -> &str {
        self.0.get(..SHOWN).unwrap_or_default()
    }

    /// The key itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// CRC-32 (IEEE) in base62, most significant digit first.
fn checksum(text: &str) -> impl Iterator<Item = char> + use<> {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = ['0'; CHECKSUM];
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
    /// As it is stored: 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

#[cfg(test)]
mod tests;
