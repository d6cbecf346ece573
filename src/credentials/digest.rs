//! SHA-256 fingerprints of tokens, and hexadecimal text. Passwords have hashes of their own
//! ([`super::passwords`]).

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of a token, in hexadecimal, as it is stored. Tokens are random enough to
/// need no salt.
pub fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Formats bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
