//! Password hashing behind a bulkhead: one hash is 19 MiB and tens of milliseconds of a core, so
//! that a crowd of log-ins would be an attack on memory.

use secrecy::SecretString;

use super::passwords;
use crate::bulkhead::{Bulkhead, BulkheadError};

/// How many log-ins may wait for each that runs.
const WAITING_FOR_EACH: usize = 16;

/// Hashes and checks passwords away from the worker threads.
#[derive(Clone, Debug)]
pub struct Hasher(Bulkhead);

impl Hasher {
    /// A queue that runs `parallel` hashes at a time.
    pub fn new(parallel: usize) -> Self {
        Self(Bulkhead::new(parallel, parallel.max(1).saturating_mul(WAITING_FOR_EACH)))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] when too many wait.
    pub async fn hash(&self, password: SecretString) -> Result<String, BulkheadError> {
        self.0.run(move || passwords::hash(&password)).await?.map_err(|_| BulkheadError::Failed)
    }

    /// Checks a password; without a hash, does the same work in vain.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] when too many wait.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, BulkheadError> {
        self.0.run(move || passwords::verify(&password, hash.as_deref())).await
    }
}
