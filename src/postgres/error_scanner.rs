//! Finds the errors in what a server sends (`PostgreSQL` documentation, "Message Formats" and
//! "Error and Notice Message Fields"). Reads the bytes as they arrive, in pieces of any size, and
//! keeps at most a few hundred of them. A message is a type byte, a length that includes itself,
//! and a body; the body of an error is a list of fields: a type byte and a text that ends with 0.

use tokio_postgres::error::SqlState;

use crate::postgres::server_error::{RecentErrors, ServerError};

/// Bytes before the body of a message: its type and its length.
const HEADER: usize = 5;
/// The length counts its own four bytes.
const SHORTEST: u32 = 4;
/// Longest part of a field that is kept, in bytes.
const MAX_VALUE: usize = 256;
const ERROR_RESPONSE: u8 = b'E';

/// Where in the stream the next byte is.
#[derive(Debug)]
enum Position {
    /// Before the one byte that answers the request for TLS and is no message.
    TlsAnswer,
    Header,
    /// In the body of a message that is no error; how much of it is left.
    OtherBody(u32),
    ErrorBody(u32),
    /// Behind an impossible length: the driver gives up here, too.
    Lost,
}

/// Reads the stream of one connection and records its errors.
#[derive(Debug)]
pub(super) struct ErrorScanner {
    position: Position,
    header: [u8; HEADER],
    /// Number of valid bytes in `header`.
    header_length: usize,
    fields: ErrorFields,
    errors: RecentErrors,
}

impl ErrorScanner {
    /// Creates a scanner for a stream that begins with a message, or, if the client asked for TLS,
    /// with the answer to that.
    pub(super) fn new(asked_for_tls: bool, errors: RecentErrors) -> Self {
        let position = if asked_for_tls { Position::TlsAnswer } else { Position::Header };
        let (header, header_length, fields) = ([0; HEADER], 0, ErrorFields::default());
        Self { position, header, header_length, fields, errors }
    }

    /// Returns where the errors are recorded.
    pub(super) fn errors(&self) -> &RecentErrors {
        &self.errors
    }

    /// Reads the next bytes of the stream.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.position {
                Position::TlsAnswer => {
                    self.position = Position::Header;
                    bytes.get(1..).unwrap_or_default()
                }
                Position::Header => self.read_header(bytes),
                Position::OtherBody(left) => {
                    let (_, rest, left) = split(bytes, left);
                    self.position = Position::OtherBody(left).unless_complete(left);
                    rest
                }
                Position::ErrorBody(left) => {
                    let (body, rest, left) = split(bytes, left);
                    self.fields.read(body);
                    if left == 0 {
                        self.record();
                    }
                    self.position = Position::ErrorBody(left).unless_complete(left);
                    rest
                }
                Position::Lost => return,
            };
        }
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = HEADER.saturating_sub(self.header_length);
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        for (slot, byte) in self.header.iter_mut().skip(self.header_length).zip(taken) {
            *slot = *byte;
        }
        self.header_length += taken.len();
        if self.header_length == HEADER {
            self.header_length = 0;
            let [kind, length @ ..] = self.header;
            let length = u32::from_be_bytes(length);
            self.position = match length.checked_sub(SHORTEST) {
                None => Position::Lost,
                Some(0) => Position::Header,
                Some(left) if kind == ERROR_RESPONSE => Position::ErrorBody(left),
                Some(left) => Position::OtherBody(left),
            };
        }
        rest
    }

    fn record(&mut self) {
        let ErrorFields { state, is_fatal, message, .. } = std::mem::take(&mut self.fields);
        let Some((state, (message_start, message_length))) = state.zip(message) else { return };
        self.errors.push(ServerError { state, is_fatal, message_start, message_length });
    }
}

impl Position {
    fn unless_complete(self, left: u32) -> Self {
        if left == 0 { Self::Header } else { self }
    }
}

/// Returns the part of the bytes that belongs to the body, what follows, and how much of the body
/// is left.
fn split(bytes: &[u8], left: u32) -> (&[u8], &[u8], u32) {
    let wanted = usize::try_from(left).unwrap_or(usize::MAX);
    let (body, rest) = bytes.split_at(wanted.min(bytes.len()));
    let read = u32::try_from(body.len()).unwrap_or(left);
    (body, rest, left.saturating_sub(read))
}

/// The fields of one error.
#[derive(Debug, Default)]
struct ErrorFields {
    state: Option<SqlState>,
    is_fatal: bool,
    /// The beginning of the message, and its whole length.
    message: Option<(Vec<u8>, usize)>,
    /// Type of the field that is being read; none before a type byte.
    kind: Option<u8>,
    /// What has been read of its value, at most `MAX_VALUE` bytes, and its whole length.
    value: (Vec<u8>, usize),
    is_complete: bool,
}

impl ErrorFields {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (self.kind, byte) {
                _ if self.is_complete => return,
                (None, 0) => self.is_complete = true,
                (None, kind) => self.kind = Some(*kind),
                (Some(kind), 0) => {
                    self.kind = None;
                    let value = std::mem::take(&mut self.value);
                    self.set(kind, value);
                }
                (Some(_), byte) => {
                    let (start, length) = &mut self.value;
                    if start.len() < MAX_VALUE {
                        start.push(*byte);
                    }
                    *length = length.saturating_add(1);
                }
            }
        }
    }

    fn set(&mut self, kind: u8, value: (Vec<u8>, usize)) {
        match kind {
            // The severity, translated (S) and as it is (V); poolers send S only, in English.
            b'S' | b'V' => self.is_fatal |= matches!(&*value.0, b"FATAL" | b"PANIC"),
            b'C' => self.state = std::str::from_utf8(&value.0).ok().map(SqlState::from_code),
            b'M' => self.message = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
