//! Tests of `http::connections::responder`.

use std::collections::BTreeMap;

use serde_json::Value;
use slog::{Discard, o};

use super::*;
use crate::http::connections::bare_head;

fn responder(enabled: bool) -> Responder {
    Responder {
        security_headers: SecurityHeaders { enabled, csp: true, hsts: false },
        clock: Clock::default(),
        instruments: ConnectionInstruments::new(&prometheus::Registry::new()).unwrap(),
        logger: Logger::root(Discard, o!()),
    }
}

fn complete(responder: &Responder, head: &str, is_head_request: bool) -> String {
    let head = format!("{head}date: Tue, 24 Nov 2026 10:15:00 GMT\r\n\r\n");
    let found = bare_head::find(head.as_bytes()).expect("a head");
    let response = responder.complete(&found, None, is_head_request);
    assert_eq!(bare_head::find(&response), None, "it is not replaced again");
    String::from_utf8(response).unwrap()
}

/// Splits a response into status line, headers and body.
fn parse(response: &str) -> (&str, BTreeMap<&str, &str>, &str) {
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let (status_line, headers) = head.split_once("\r\n").expect("a status line");
    let split: Vec<(&str, &str)> =
        headers.split("\r\n").map(|line| line.split_once(": ").expect("a header")).collect();
    let headers: BTreeMap<_, _> = split.iter().copied().collect();
    assert_eq!(headers.len(), split.len(), "each header once");
    (status_line, headers, body)
}

#[test]
fn response_is_complete() {
    for (line, code, message) in [
        ("HTTP/1.1 400 Bad Request", "VALIDATION_ERROR", "The request is not valid HTTP"),
        ("HTTP/1.0 400 Bad Request", "VALIDATION_ERROR", "The request is not valid HTTP"),
        (
            "HTTP/1.1 408 Request Timeout",
            "REQUEST_TIMEOUT",
            "The head of the request did not arrive in time",
        ),
        (
            "HTTP/1.1 431 Request Header Fields Too Large",
            "REQUEST_HEADER_FIELDS_TOO_LARGE",
            "The head of the request is larger than 128 KiB",
        ),
        ("HTTP/1.1 500 Internal Server Error", "INTERNAL_ERROR", "Internal server error"),
    ] {
        let head = format!("{line}\r\ncontent-length: 0\r\nconnection: keep-alive\r\n");
        let response = complete(&responder(true), &head, false);
        let (status_line, headers, body) = parse(&response);
        assert_eq!(status_line, line);
        assert_eq!(headers["content-length"], body.len().to_string());
        assert_eq!(headers["connection"], "close");
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["date"], "Tue, 24 Nov 2026 10:15:00 GMT");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert!(!headers.contains_key("strict-transport-security"), "switched off");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["message"]),
            (&code.into(), &message.into())
        );
        assert_eq!(
            (&body["success"], &body["requestId"]),
            (&false.into(), &headers["x-request-id"].into())
        );
    }
}

#[test]
fn switched_off_security_headers_are_absent() {
    let response =
        complete(&responder(false), "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n", false);
    let (_, headers, body) = parse(&response);
    assert!(!headers.contains_key("x-frame-options") && headers.contains_key("x-request-id"));
    assert!(!body.is_empty());
}

#[test]
fn response_to_head_has_the_length_but_no_body() {
    let response =
        complete(&responder(true), "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n", true);
    let (_, headers, body) = parse(&response);
    assert_eq!(body, "");
    assert!(headers["content-length"].parse::<usize>().unwrap() > 100);
}
