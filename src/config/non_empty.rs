//! Secrets that are set to an empty value, as in `ADMIN_PASSWORD=`.

use secrecy::{ExposeSecret, SecretString};

/// Treats a variable that is set to an empty value as not set.
pub(super) fn non_empty(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}
