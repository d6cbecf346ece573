//! The canonical form of a request's path: one spelling for each path, or a refusal.
//!
//! Routing decodes escapes, so that `/%61pi` reaches the routes of `/api`; everything else that
//! decides by path must see the same path. Escapes of unreserved characters are decoded and the
//! hexadecimal digits of the others are written in upper case (RFC 3986, 6.2.2). What proxies and
//! servers read differently is refused, not repaired: empty and dot segments, escaped slashes and
//! backslashes, control characters, and what is no path by RFC 3986, 3.3.

use std::borrow::Cow;

/// The reason why a path is refused, as the client's message says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedPath(pub &'static str);

const CHARACTER: RefusedPath = RefusedPath("has a character that must be percent-encoded");
const ESCAPE: RefusedPath =
    RefusedPath("has a percent sign that is not followed by two hexadecimal digits");
const SLASH: RefusedPath = RefusedPath("has an escaped slash or backslash");
const CONTROL: RefusedPath = RefusedPath("has a control character");
const ENCODING: RefusedPath = RefusedPath("is not UTF-8 when decoded");
const EMPTY: RefusedPath = RefusedPath("has an empty segment");
const DOT: RefusedPath = RefusedPath("has a segment that is '.' or '..'");

/// Returns the canonical form of a path, borrowed if it is canonical already. The forms without a
/// path (`OPTIONS *`, RFC 9112, 3.2) are returned unchanged: no route matches them.
///
/// # Errors
/// [`RefusedPath`] for a path that could be read in more than one way.
pub fn canonical(path: &str) -> Result<Cow<'_, str>, RefusedPath> {
    if !path.starts_with('/') {
        return Ok(Cow::Borrowed(path));
    }
    // Most paths need no change, and so no copy.
    if path.bytes().all(is_path_character) {
        check_segments(path)?;
        return Ok(Cow::Borrowed(path));
    }
    let (mut text, mut decoded) =
        (String::with_capacity(path.len()), Vec::with_capacity(path.len()));
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = bytes.next().zip(bytes.next()).ok_or(ESCAPE)?;
            let value = digit(high)? << 4 | digit(low)?;
            decoded.push(value);
            match value {
                b'/' | b'\\' => return Err(SLASH),
                value if is_unreserved(value) => text.push(char::from(value)),
                _ => text.extend(['%', upper(high), upper(low)]),
            }
        } else if is_path_character(byte) {
            decoded.push(byte);
            text.push(char::from(byte));
        } else if byte == b'\\' {
            return Err(SLASH);
        } else {
            return Err(if byte.is_ascii_control() { CONTROL } else { CHARACTER });
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| ENCODING)?;
    if decoded.chars().any(char::is_control) {
        return Err(CONTROL);
    }
    check_segments(&text)?;
    Ok(if text == path { Cow::Borrowed(path) } else { Cow::Owned(text) })
}

/// Refuses dot segments, and empty segments but the last: a path with a slash at its end is a path
/// of its own.
fn check_segments(path: &str) -> Result<(), RefusedPath> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_some() => return Err(EMPTY),
            "." | ".." => return Err(DOT),
            _ => {}
        }
    }
    Ok(())
}

fn digit(byte: u8) -> Result<u8, RefusedPath> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(ESCAPE)
}

fn upper(digit: u8) -> char {
    char::from(digit).to_ascii_uppercase()
}

/// Whether a character is unreserved (RFC 3986, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether a character is a `pchar` without escapes (RFC 3986, 3.3), or the slash.
fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte)
}

#[cfg(test)]
mod tests;
