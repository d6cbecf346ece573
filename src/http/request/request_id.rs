//! The names of a request, in its answer, its errors, its log events and the audit log: the
//! client's, if it gives one, and our own, which nobody else can choose.

use actix_web::http::header::HeaderMap;
use uuid::Uuid;

/// The header that carries it.
pub const HEADER: &str = "x-request-id";
/// The longest one that is kept.
const MAX: usize = 128;

/// The name of a request.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Our own name of a request (UUID v7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRequestId(pub Uuid);

impl ServerRequestId {
    /// For a new request.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for ServerRequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestId {
    /// The one that the client gave, if it can be kept; else our own.
    pub fn of(headers: &HeaderMap, own: ServerRequestId) -> Self {
        let mut given = headers.get_all(HEADER);
        let only =
            given.next().filter(|_| given.next().is_none()).and_then(|value| value.to_str().ok());
        let kept = only.filter(|id| (1..=MAX).contains(&id.len()) && id.bytes().all(harmless));
        Self(kept.map_or_else(|| own.0.to_string(), str::to_owned))
    }
}

/// What can neither break a log line nor a header.
fn harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'=')
}
