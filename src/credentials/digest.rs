//! SHA-256 fingerprints of tokens and of request bodies, and hexadecimal text. Passwords have other
//! hashes ([`super::passwords`]).

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of a token, in hexadecimal, as it is stored. Tokens are random enough to
/// need no salt.
pub fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// The fingerprint of bytes that arrive in pieces.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the fingerprint of all bytes.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_does_not_depend_on_the_pieces() {
        let mut pieces = Fingerprint::default();
        for piece in [&b"{\"metrics\""[..], b"", b": []}"] {
            pieces.add(piece);
        }
        assert_eq!(pieces.finish(), fingerprint("{\"metrics\": []}"));
    }
}
