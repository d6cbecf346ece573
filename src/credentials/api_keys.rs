//! The format of API keys: `mdl_`, 40 random base62 characters, and 6 of a CRC-32 over all that precedes, so that a
//! mistyped or invented key is refused without being looked up, and a scanner of source code can tell a key from noise
//! (the idea is GitHub's: <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>).
//! Older keys, `mdl_` and 64 hexadecimal digits, have no checksum.
//!
//! At rest there is only the SHA-256: a key has 238 random bits (an older one 256), so nothing slower is needed.

use std::fmt;

use rand::Rng;
use rand::distr::Alphanumeric;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::tokens::hex;

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
        if body.len() == RANDOM + CHECKSUM && body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_new_key_is_well_formed_and_prints_nothing() {
        let key = ApiKey::generate();
        assert_eq!(key.expose().len(), 50);
        assert!(key.expose().starts_with(key.prefix()) && key.prefix().len() == 8);
        assert!(!key.is_old());
        assert_ne!(ApiKey::generate().hash(), key.hash());
        assert_eq!(ApiKey::parse(key.expose()).unwrap().hash(), key.hash());
        let printed = format!("{key:?} {:?}", key.hash());
        assert!(!printed.contains(key.expose().get(4..).unwrap()) && !printed.contains(&key.hash().hex()));
    }

    #[test]
    fn the_checksum_is_the_documented_one() {
        // Python: zlib.crc32(b"mdl_" + b"0" * 40) in base62 of 0-9A-Za-z.
        let key = format!("mdl_{}", "0".repeat(40));
        let sum: String = checksum(&key).collect();
        assert_eq!(sum, "0GdRQp");
        assert!(ApiKey::parse(&format!("{key}{sum}")).is_ok());
    }

    #[test]
    fn older_keys_are_64_small_hexadecimal_digits() {
        assert!(ApiKey::parse(&format!("mdl_{}", "0123456789abcdef".repeat(4))).unwrap().is_old());
        for bad in ["ABCDEF0123456789".repeat(4), "0123456789abcdef".repeat(3), "g".repeat(64), String::new()] {
            assert!(ApiKey::parse(&format!("mdl_{bad}")).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_noticed(at in 4_usize..50, to in 0_usize..62) {
            let key = ApiKey::generate();
            let mut text = key.expose().to_owned().into_bytes();
            text[at] = BASE62[to];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(ApiKey::parse(&text).is_ok(), text == key.expose());
        }

        #[test]
        fn whatever_is_sent_is_read_without_panic(text in "\\PC{0,80}") {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("mdl_{text}"));
        }
    }
}
