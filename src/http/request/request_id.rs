//! The ids of a request, used in its response, its log events and the audit log: the client's
//! (`X-Request-ID`), if it sends a usable one, the server's, which no client can choose, and that
//! of the trace that it belongs to, if it belongs to one.

use actix_web::http::header::{HeaderMap, HeaderValue};
use slog::{KV, Record, Serializer};
use uuid::Uuid;

use super::trace_id::TraceId;

/// Name of the header of the client's id, in requests and responses.
pub const HEADER: &str = "x-request-id";
/// Longest accepted id of a client, in bytes.
const MAX: usize = 128;

/// The ids of a request. As fields of a log event they are `request_id`, `server_request_id` and
/// `trace_id`, which only requests of a trace have.
#[derive(Clone, Debug)]
pub struct RequestIds {
    /// The client's, or the server's if the client sent none.
    client: HeaderValue,
    /// The server's, a UUID v7.
    pub server: Uuid,
    /// The client's trace, or else that of the span that is exported of it.
    pub trace: Option<TraceId>,
}

impl RequestIds {
    /// Generates the server's id, and reads the client's if there is exactly one and it is safe to
    /// log.
    pub fn from_headers(headers: &HeaderMap, trace: Option<TraceId>) -> Self {
        let server = Uuid::now_v7();
        let mut values = headers.get_all(HEADER);
        let only = values.next().filter(|_| values.next().is_none());
        let is_accepted = |id: &&HeaderValue| {
            (1..=MAX).contains(&id.len()) && id.as_bytes().iter().all(|byte| is_safe(*byte))
        };
        let client = only.filter(is_accepted).cloned();
        let client = client.unwrap_or_else(|| to_header(server));
        Self { client, server, trace }
    }

    /// Returns the client's id, or the server's if the client sent none.
    pub fn as_str(&self) -> &str {
        // Accepted ids are ASCII.
        self.client.to_str().unwrap_or_default()
    }

    /// Returns the same as the value of a header.
    pub fn header_value(&self) -> HeaderValue {
        self.client.clone()
    }
}

impl KV for RequestIds {
    /// Passes the last field first, as slog's own macros do.
    fn serialize(&self, _: &Record<'_>, fields: &mut dyn Serializer) -> slog::Result {
        if let Some(trace) = self.trace {
            fields.emit_arguments("trace_id", &format_args!("{trace}"))?;
        }
        fields.emit_arguments("server_request_id", &format_args!("{}", self.server))?;
        fields.emit_str("request_id", self.as_str())
    }
}

/// Returns a UUID as the value of a header.
pub fn to_header(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = id.hyphenated().encode_lower(&mut buffer);
    // Hexadecimal digits and hyphens are always valid.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether a byte can break neither a log line nor a header.
fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'=')
}
