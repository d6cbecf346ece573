//! Access tokens that were verified lately. Signature, issuer, audience and type of a token never
//! change, so that they are verified once; its times are checked at each use.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// Number of tokens whose claims are kept.
const MAX_TOKENS: usize = 4096;

/// The claims of tokens, by the SHA-256 of the token.
pub(super) struct VerifiedTokens<C>(Cache<[u8; 32], Arc<C>>);

impl<C> Default for VerifiedTokens<C> {
    fn default() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }
}

impl<C> VerifiedTokens<C> {
    /// Returns the claims of a token, which `verify` verifies if that was not done lately.
    ///
    /// # Errors
    /// Those of `verify`; they are not kept.
    pub(super) fn get_or_verify<E>(
        &self,
        token: &str,
        verify: impl FnOnce() -> Result<C, E>,
    ) -> Result<Arc<C>, E> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        self.0.get_or_insert_with(&hash, || verify().map(Arc::new))
    }
}
