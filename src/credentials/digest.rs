//! SHA-256 of secrets that are random enough to need no salt, and hexadecimal text.

use sha2::{Digest, Sha256};

/// What is stored of a refresh token: SHA-256, hex. It is random enough to need no salt.
pub fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
