//! The nonce by which the Content Security Policy of one response admits the scripts that its page
//! names, and no others (CSP 3, 6.7.2.3).

use uuid::Uuid;

/// A nonce of one response: 122 random bits. A response that has it among its extensions is a
/// finished page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptNonce(String);

impl ScriptNonce {
    /// Makes the nonce of a new page.
    pub fn generate() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// Returns the text, of letters and digits only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
