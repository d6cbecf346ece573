//! Header values of a request that has a body, in memory of their own.
//!
//! actix-http's values point into the buffer in which the head and the beginning of the body
//! arrived, and actix-web keeps the last 128 requests of each worker for reuse, with their headers.
//! So each of them would keep a buffer of up to 100 KiB long after its connection was closed.

use actix_web::http::header::{HeaderMap, HeaderValue};

/// Copies the values, so that the buffer is freed with the connection.
pub(super) fn detach(headers: &mut HeaderMap) {
    let mut own = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        own.append(name.clone(), copy(value));
    }
    *headers = own;
}

fn copy(value: &HeaderValue) -> HeaderValue {
    // A value that was parsed is valid, so the other case never occurs.
    let mut own = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    own.set_sensitive(value.is_sensitive());
    own
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{COOKIE, HOST, HeaderName};
    use actix_web::web::Bytes;

    use super::*;

    #[test]
    fn values_have_memory_of_their_own_and_stay_the_same() {
        let buffer = Bytes::from(b"example.org a=1 b=2 \xe9".to_vec());
        let part = |range| HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap();
        let mut headers = HeaderMap::new();
        headers.append(HOST, part(0..11));
        headers.append(COOKIE, part(12..15));
        headers.append(COOKIE, part(16..19));
        headers.append(HeaderName::from_static("x-obs-text"), part(20..21));
        let before = headers.clone();
        assert!(!buffer.is_unique());
        detach(&mut headers);
        assert_eq!(headers.len(), before.len());
        for name in before.keys() {
            assert!(headers.get_all(name).eq(before.get_all(name)), "{name}");
        }
        drop(before);
        assert!(buffer.is_unique());
    }
}
