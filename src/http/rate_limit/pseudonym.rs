//! Pseudonyms of account names, so that neither the table of hits nor the log contains names.

use crate::credentials::digest::fingerprint;

/// Returns the pseudonym of a name: the start of its hash, whatever its case and outer spaces.
pub fn pseudonym(account: &str) -> String {
    fingerprint(&account.trim().to_lowercase()).chars().take(32).collect()
}
