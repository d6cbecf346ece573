//! The password policy, as a violation of a request's field.

use secrecy::SecretString;

use crate::credentials::passwords;
use crate::http::error::ApiError;

/// Checks a new password.
pub(in crate::http) fn check_password(
    field: &str,
    password: &SecretString,
    username: &str,
    email: &str,
) -> Result<(), ApiError> {
    passwords::policy_violation(password, username, email)
        .map_or(Ok(()), |violation| Err(ApiError::invalid(field, violation)))
}
