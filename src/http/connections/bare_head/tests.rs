//! Tests of `http::connections::bare_head`.

use proptest::prelude::*;

use super::*;

const DATED: &str = "date: Tue, 24 Nov 2026 10:15:00 GMT\r\n\r\n";

fn bare(status_line: &[u8], connection: &[u8]) -> Vec<u8> {
    [status_line, b"\r\ncontent-length: 0\r\n", connection, DATED.as_bytes()].concat()
}

fn any_bare() -> impl Strategy<Value = Vec<u8>> {
    let connections: Vec<&[u8]> = CONNECTION.into_iter().chain([&b""[..]]).collect();
    (prop::sample::select(&STATUS_LINES[..]), prop::sample::select(connections))
        .prop_map(|((line, _), connection)| bare(line, connection))
}

#[test]
fn every_head_of_the_parser_is_found() {
    for (status_line, status) in STATUS_LINES {
        for connection in CONNECTION.into_iter().chain([&b""[..]]) {
            let bytes = bare(status_line, connection);
            let date = &b"Tue, 24 Nov 2026 10:15:00 "[..];
            assert_eq!(find(&bytes), Some(BareHead { start: 0, status, status_line, date }));
        }
    }
}

#[test]
fn other_heads_are_not_found() {
    for head in [
        "",
        "GMT\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        // Our own, with a further header anywhere.
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\n",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\nx-request-id: 1\r\n",
        "HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n",
        // Another status, another length, no length.
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\nconnection: close\r\n",
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n",
        "HTTP/2.0 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n",
    ] {
        assert_eq!(find(format!("{head}{DATED}").as_bytes()), None, "{head}");
        assert_eq!(find(head.as_bytes()), None, "{head}");
    }
}

proptest! {
    #[test]
    fn head_is_found_after_any_bytes(before in any::<Vec<u8>>(), head in any_bare()) {
        let bytes = [&before[..], &head].concat();
        let found = find(&bytes).expect("the head");
        prop_assert_eq!(found.start, before.len());
    }

    #[test]
    fn incomplete_or_followed_head_is_not_found(
        head in any_bare(),
        cut in 1_usize..60,
        after in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        prop_assert_eq!(find(&head[..head.len() - cut]), None);
        prop_assert_eq!(find(&head[cut..]), None);
        let followed = [&head[..], &after].concat();
        prop_assert_eq!(find(&followed), None);
    }

    #[test]
    fn changed_head_is_found_only_if_its_date_changed(head in any_bare(), at in 0_usize..200,
        byte in any::<u8>()) {
        let mut changed = head.clone();
        let at = at % head.len();
        changed[at] = byte;
        if let Some(found) = find(&changed) {
            let date = head.len() - "Tue, 24 Nov 2026 10:15:00 GMT\r\n\r\n".len();
            prop_assert!(changed == head || (date..date + DATE).contains(&at)
                || (found.start == 0 && head.get(5..8) != changed.get(5..8)));
        }
    }

    #[test]
    fn no_json_text_ends_with_a_head(text in any::<String>(), head in any_bare()) {
        let text = text + &String::from_utf8(head).unwrap();
        let json = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(find(json.as_bytes()), None);
    }
}
