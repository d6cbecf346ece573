//! Finds the responses that actix-http writes without the application: 400 for a request that it
//! cannot parse, 408 for a first head that does not arrive, 431 for a head that is too large, and
//! 500. They pass no middleware, so they have no header but `content-length: 0`, `connection` and
//! `date`, and each is the last of its connection.
//!
//! All of such a head is compared, not only its first line. A head of the application never
//! matches, because it carries `x-request-id`. What a body may contain is the matter of
//! [`pace`](super::pace).

/// Status lines of the parser's responses.
const STATUS_LINES: [(&[u8], u16); 8] = [
    (b"HTTP/1.1 400 Bad Request", 400),
    (b"HTTP/1.1 408 Request Timeout", 408),
    (b"HTTP/1.1 431 Request Header Fields Too Large", 431),
    (b"HTTP/1.1 500 Internal Server Error", 500),
    (b"HTTP/1.0 400 Bad Request", 400),
    (b"HTTP/1.0 408 Request Timeout", 408),
    (b"HTTP/1.0 431 Request Header Fields Too Large", 431),
    (b"HTTP/1.0 500 Internal Server Error", 500),
];
/// What the parser says about the connection depends on the request before; it may be nothing.
const CONNECTION: [&[u8]; 3] =
    [b"connection: close\r\n", b"connection: keep-alive\r\n", b"connection: upgrade\r\n"];
/// Length of a date without its time zone: `Tue, 24 Nov 2026 10:15:00 `.
const DATE: usize = 26;

/// A response head of the parser at the end of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BareHead<'a> {
    /// Position of its first byte.
    pub(super) start: usize,
    pub(super) status: u16,
    pub(super) status_line: &'a [u8],
    /// Value of `date`, without its time zone.
    pub(super) date: &'a [u8],
}

/// Finds the head with which these bytes end.
pub(super) fn find(bytes: &[u8]) -> Option<BareHead<'_>> {
    let rest = bytes.strip_suffix(b"GMT\r\n\r\n")?;
    let (rest, date) = rest.split_at_checked(rest.len().checked_sub(DATE)?)?;
    if date.contains(&b'\r') || date.contains(&b'\n') {
        return None;
    }
    let rest = rest.strip_suffix(b"date: ")?;
    let rest = CONNECTION.iter().find_map(|line| rest.strip_suffix(*line)).unwrap_or(rest);
    let rest = rest.strip_suffix(b"\r\ncontent-length: 0\r\n")?;
    let (status_line, status) = STATUS_LINES.into_iter().find(|(line, _)| rest.ends_with(line))?;
    Some(BareHead { start: rest.len().checked_sub(status_line.len())?, status, status_line, date })
}

#[cfg(test)]
mod tests;
