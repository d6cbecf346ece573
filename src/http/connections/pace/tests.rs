//! Tests of `http::connections::pace`.

use super::*;

#[test]
fn head_deadline_starts_at_opening_and_after_each_response() {
    let opened = Instant::now();
    let at = |seconds| opened + Duration::from_secs(seconds);
    let pace = Rc::new(ConnectionPace::new(opened));
    assert_eq!(pace.deadline(), Some(at(10)));
    let request = pace.begin_request();
    assert_eq!(pace.deadline(), None, "a handler has no deadline here");
    let pipelined = pace.begin_request();
    drop(request);
    assert_eq!(pace.deadline(), None);
    drop(pipelined);
    pace.record_write(at(30));
    assert_eq!(pace.deadline(), Some(at(40)));
}

#[test]
fn unread_response_deadline_starts_at_the_last_written_byte() {
    let opened = Instant::now();
    let at = |seconds| opened + Duration::from_secs(seconds);
    let pace = Rc::new(ConnectionPace::new(opened));
    let request = pace.begin_request();
    pace.record_blocked(at(5));
    pace.record_blocked(at(9));
    assert_eq!(pace.deadline(), Some(at(15)));
    pace.record_write(at(14));
    assert_eq!(pace.deadline(), None);
    pace.record_blocked(at(14));
    // The body is complete in the buffer, but bytes of it are not yet written.
    drop(request);
    assert_eq!(pace.deadline(), Some(at(24)));
    pace.record_write(at(20));
    assert_eq!(pace.deadline(), Some(at(30)));
}

#[test]
fn parser_may_write_only_without_active_request_and_not_after_a_line_break() {
    let pace = Rc::new(ConnectionPace::new(Instant::now()));
    assert!(pace.may_parser_write(), "of a first head");
    let head = &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..];
    let (start, end) = head.split_at(head.len() - 1);
    for (chunks, allowed) in [
        (vec![], true),
        (vec![&b"{}"[..]], true),
        (vec![head], false),
        // However a body is cut, its last bytes are known.
        (vec![start, end], false),
        (vec![head, b""], false),
        (vec![head, b"}"], true),
        (vec![b"metric 1\n"], true),
    ] {
        let request = pace.begin_request();
        for chunk in &chunks {
            pace.record_chunk(chunk);
        }
        assert!(!pace.may_parser_write(), "its body may not be complete");
        drop(request);
        assert_eq!(pace.may_parser_write(), allowed, "{chunks:?}");
    }
}
