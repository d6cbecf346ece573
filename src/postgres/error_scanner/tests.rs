//! Tests of `postgres::error_scanner`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a length");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn error(severity: &str, state: &str, text: &str) -> Vec<u8> {
    let fields = [("S", "FEHLER"), ("V", severity), ("C", state), ("M", text), ("L", "123")];
    let mut body: Vec<u8> =
        fields.iter().flat_map(|(kind, value)| format!("{kind}{value}\0").into_bytes()).collect();
    body.push(0);
    message(b'E', &body)
}

fn scan(asked_for_tls: bool, pieces: &[&[u8]]) -> (ErrorScanner, RecentErrors) {
    let errors = RecentErrors::default();
    let mut scanner = ErrorScanner::new(asked_for_tls, errors.clone());
    for piece in pieces {
        scanner.read(piece);
    }
    (scanner, errors)
}

#[test]
fn errors_are_found_among_other_messages() {
    let timeout = "storniere Anfrage wegen Zeitüberschreitung einer Sperre";
    let stream = [
        message(b'R', &[0; 4]),
        message(b'I', b""),
        // A row whose content looks like an error.
        message(b'D', &error("ERROR", "57014", "a value")),
        error("ERROR", "55P03", timeout),
        message(b'N', &error("WARNING", "01000", "a notice")),
        error("FATAL", "57P01", "breche Verbindung ab"),
        message(b'Z', b"I"),
    ]
    .concat();
    for size in 1..stream.len() {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        let (_, errors) = scan(false, &pieces);
        let found = errors.find(timeout).expect("an error");
        assert_eq!((found.state.code(), found.is_fatal), ("55P03", false));
        let found = errors.find("breche Verbindung ab").expect("an error");
        assert_eq!((found.state.code(), found.is_fatal), ("57P01", true));
        assert_eq!((errors.find("a value"), errors.find("a notice")), (None, None));
    }
}

#[test]
fn answer_to_the_request_for_tls_is_no_message() {
    let stream = [&b"N"[..], &error("FATAL", "28P01", "x")].concat();
    assert!(scan(true, &[&stream]).1.find("x").is_some());
    assert!(scan(true, &[b"N", &stream[1..]]).1.find("x").is_some());
    assert!(scan(false, &[&stream]).1.find("x").is_none());
}

#[test]
fn poolers_send_only_the_translated_severity() {
    let body = b"SFATAL\0C08P01\0Mquery_wait_timeout\0\0";
    let found = scan(false, &[&message(b'E', body)]).1.find("query_wait_timeout");
    assert!(found.expect("an error").is_fatal);
}

#[test]
fn impossible_length_ends_the_reading() {
    let stream = [&[b'E', 0, 0, 0, 3][..], &error("ERROR", "55P03", "x")].concat();
    let (scanner, errors) = scan(false, &[&stream]);
    assert!(matches!(scanner.position, Position::Lost));
    assert_eq!(errors.find("x"), None);
}

#[test]
fn memory_is_bounded_for_a_long_error() {
    let text = "ä".repeat(5_000_000);
    let (mut scanner, errors) = scan(false, &[]);
    for piece in error("ERROR", "57014", &text).chunks(1000) {
        scanner.read(piece);
        assert!(scanner.fields.value.0.capacity() <= 2 * MAX_VALUE);
    }
    assert_eq!(errors.find(&text).expect("an error").state, SqlState::QUERY_CANCELED);
    assert_eq!(errors.find(&text[2..]), None);
}

/// Bodies of other messages are arbitrary, errors have arbitrary texts.
fn part() -> impl Strategy<Value = (Vec<u8>, Option<String>)> {
    let other = (any::<u8>(), vec(any::<u8>(), 0..40))
        .prop_filter("an error", |(kind, _)| *kind != ERROR_RESPONSE)
        .prop_map(|(kind, body)| (message(kind, &body), None));
    let found =
        "[^\0]{0,300}".prop_map(|text: String| (error("ERROR", "40P01", &text), Some(text)));
    prop_oneof![3 => other, 1 => found]
}

proptest! {
    #[test]
    fn any_stream_in_any_pieces_gives_its_last_errors(
        parts in vec(part(), 0..12),
        sizes in vec(1_usize..30, 1..50),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let errors = RecentErrors::default();
        let mut scanner = ErrorScanner::new(false, errors.clone());
        let mut rest = &stream[..];
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            scanner.read(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        // In step with the stream to its end.
        prop_assert!(matches!(scanner.position, Position::Header) && scanner.header_length == 0);
        let texts = parts.iter().rev().filter_map(|(_, text)| text.as_ref());
        for text in texts.take(8) {
            prop_assert!(errors.find(text).is_some(), "{text}");
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_fail(bytes in vec(any::<u8>(), 0..2000), tls in any::<bool>()) {
        let (mut scanner, _) = scan(tls, &[&bytes]);
        scanner.read(&bytes);
    }
}
