//! The media type of responses.

/// The media type of every response body.
pub const JSON: &str = "application/json; charset=utf-8";
