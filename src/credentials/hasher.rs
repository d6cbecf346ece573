//! Password hashing behind a bulkhead. One hash takes 19 MiB and tens of milliseconds of a core, so
//! without a bound many log-ins at once would exhaust the memory.

use secrecy::SecretString;

use super::passwords;
use crate::bulkhead::{Bulkhead, BulkheadError};

/// Maximum number of waiting hashes for each that runs.
const WAITING_PER_RUNNING: usize = 16;

/// Hashes and verifies passwords on other threads than the workers.
#[derive(Clone, Debug)]
pub struct Hasher(Bulkhead);

impl Hasher {
    /// Creates a hasher that runs `parallel` hashes at a time.
    pub fn new(parallel: usize) -> Self {
        Self(Bulkhead::new(parallel, parallel.max(1).saturating_mul(WAITING_PER_RUNNING)))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] when too many wait.
    pub async fn hash(&self, password: SecretString) -> Result<String, BulkheadError> {
        self.0.run(move || passwords::hash(&password)).await?.map_err(|_| BulkheadError::Failed)
    }

    /// Verifies a password, see [`passwords::verify`].
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
