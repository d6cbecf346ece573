//! The API key that a request names.

use crate::http::error::ApiError;
use crate::storage::api_keys::KeyRow;
use crate::storage::audit_events::Target;

/// Turns a 404 into that of an API key, the only thing that these routes look up.
pub(super) fn key_not_found(error: impl Into<ApiError>) -> ApiError {
    match error.into() {
        ApiError::NotFound(_) => ApiError::NoApiKey,
        error => error,
    }
}

pub(super) fn target(row: &KeyRow) -> Target<'_> {
    Target { id: row.key_id, name: &row.name }
}
