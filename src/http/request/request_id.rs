//! The two ids of a request, used in its response, its log events and the audit log: the client's
//! (`X-Request-ID`), if it sends a usable one, and the server's, which no client can choose.

use actix_web::http::header::HeaderMap;
use uuid::Uuid;

/// Name of the header of the client's id, in requests and responses.
pub const HEADER: &str = "x-request-id";
/// Longest accepted id of a client, in bytes.
const MAX: usize = 128;

/// The client's id of a request, or the server's if the client sent none.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The server's id of a request, a UUID v7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRequestId(pub Uuid);

impl ServerRequestId {
    /// Generates an id.
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
    /// Reads the client's id if there is exactly one and it is safe to log, else uses `own`.
    pub fn from_headers(headers: &HeaderMap, own: ServerRequestId) -> Self {
        let mut values = headers.get_all(HEADER);
        let only =
            values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
        let accepted = only.filter(|id| (1..=MAX).contains(&id.len()) && id.bytes().all(is_safe));
        Self(accepted.map_or_else(|| own.0.to_string(), str::to_owned))
    }
}

/// Whether a byte can break neither a log line nor a header.
fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'=')
}
