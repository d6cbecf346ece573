//! The media types of responses.

/// The media type of every body that is data.
pub const JSON: &str = "application/json; charset=utf-8";
/// The media type of server-sent events (HTML Standard, 9.2).
pub const EVENT_STREAM: &str = "text/event-stream";
