//! Requests that actix-http refuses before the application: their answers are as complete as all
//! others, on both listeners, and nothing that a client stores or sends is taken for one.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::connections::answer;
use crate::api::security_headers::ALWAYS;
use crate::support::raw::RawAnswer;
use crate::support::{Server, samples};

const GOOD: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
/// As actix-http writes it.
const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                    date: Tue, 24 Nov 2026 10:15:00 GMT\r\n\r\n";
const SERIES: &str = "http_parse_errors_total";

/// Requests that are no HTTP, by name.
const MALFORMED: [(&str, &str); 11] = [
    ("request line", "nonsense\r\n\r\n"),
    ("method", "G@T / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("version", "GET / HTTP/3.7\r\nhost: x\r\n\r\n"),
    ("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
    ("header", "GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n"),
    ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}"),
    (
        "two lengths",
        "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\
         content-length: 6\r\n\r\n",
    ),
    (
        "length and encoding",
        "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\
         transfer-encoding: chunked\r\n\r\n",
    ),
    ("no length in 1.0", "POST /api/auth/login HTTP/1.0\r\nhost: x\r\n\r\n"),
];

/// Reads until the other side closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes))
        .await
        .expect("an end")
        .expect("no reset");
    bytes
}

async fn send(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    rest(&mut stream).await
}

fn address(server: &Server) -> &str {
    server.base.trim_start_matches("http://")
}

#[track_caller]
fn assert_complete(answer: &RawAnswer, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect(what);
    assert_eq!((&body["success"], &body["error"]["code"]), (&false.into(), &code.into()), "{what}");
    assert_eq!(body["requestId"], answer.header("x-request-id"), "{what}");
    let id: uuid::Uuid = answer.header("x-request-id").parse().expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{what}");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(
        (answer.header("connection"), answer.header("cache-control")),
        ("close", "no-store")
    );
    assert!(chrono::DateTime::parse_from_rfc2822(answer.header("date")).is_ok(), "{what}");
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), value, "{name}: {what}");
    }
}

#[actix_web::test]
async fn malformed_request_has_a_complete_answer_on_both_listeners() {
    let server = Server::start().await;
    let metrics = server.metrics.clone().unwrap();
    let metrics = metrics.trim_start_matches("http://").trim_end_matches("/metrics");
    for address in [address(&server), metrics] {
        for (what, request) in MALFORMED {
            let answer = RawAnswer::parse(&send(address, request.as_bytes()).await);
            assert_complete(&answer, 400, "VALIDATION_ERROR", what);
        }
    }
    let counted = server.reading(&format!("{SERIES}{{status_code=\"400\"}}")).await;
    assert!((counted - 22.0).abs() < 0.1, "{counted}");
    let logged: Vec<_> = server
        .logs
        .lines()
        .into_iter()
        .filter(|line| line["msg"] == "request refused by the HTTP parser")
        .collect();
    assert!(logged.len() == 22 && logged.iter().all(|line| line["level"] == "DEBG"), "{logged:?}");
    assert!(logged.iter().all(|line| line["client"] == "127.0.0.1" && line["status"] == 400));
}

#[actix_web::test]
async fn too_large_and_late_heads_have_complete_answers() {
    let server = Server::start().await;
    let mut large = b"GET / HTTP/1.1\r\nhost: x\r\nx-large: ".to_vec();
    // More than the parser reads: the rest must not reset the connection.
    large.resize(300 * 1024, b'x');
    let mut stream = server.connect().await;
    stream.write_all(&large).await.expect("sent");
    stream.shutdown().await.expect("an end");
    let answer = RawAnswer::parse(&rest(&mut stream).await);
    assert_complete(&answer, 431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "large head");

    let late = RawAnswer::parse(&send(address(&server), b"GET /health").await);
    assert_complete(&late, 408, "REQUEST_TIMEOUT", "late head");
    for status in [408, 431] {
        let counted = server.reading(&format!("{SERIES}{{status_code=\"{status}\"}}")).await;
        assert!((counted - 1.0).abs() < 0.1, "{status}: {counted}");
    }
}

#[actix_web::test]
async fn malformed_request_after_good_ones_has_a_complete_answer() {
    let server = Server::start().await;
    let page = "GET /api-docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    for (before, count) in [(GOOD.to_owned(), 1), (GOOD.repeat(5), 5), (page.to_owned(), 1)] {
        let pipelined =
            send(address(&server), format!("{before}nonsense\r\n\r\n").as_bytes()).await;
        let text = String::from_utf8_lossy(&pipelined);
        assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), count);
        let last = text.rfind("HTTP/1.1 400 ").expect("an answer");
        assert_complete(
            &RawAnswer::parse(&pipelined[last..]),
            400,
            "VALIDATION_ERROR",
            "pipelined",
        );
    }
    // The connection was kept alive in between, so actix-http says nothing of its end.
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await.status, 200);
    }
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    assert_complete(&RawAnswer::parse(&rest(&mut stream).await), 400, "VALIDATION_ERROR", "kept");
}

#[actix_web::test]
async fn answer_to_malformed_head_request_has_no_body() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.write_all(GOOD.as_bytes()).await.unwrap();
    answer(&mut stream).await;
    stream.write_all(b"HEAD / HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = RawAnswer::parse(&rest(&mut stream).await);
    assert_eq!((answer.status, answer.body.as_str()), (400, ""));
    assert!(answer.header("content-length").parse::<usize>().unwrap() > 100);
    let old = send(address(&server), b"GET / HTTP/1.0\r\nhost: x\r\nbad header\r\n\r\n").await;
    let old = RawAnswer::parse(&old);
    assert_complete(&old, 400, "VALIDATION_ERROR", "HTTP/1.0");
}

#[actix_web::test]
async fn broken_chunked_body_ends_the_connection_without_a_second_answer() {
    let server = Server::start().await;
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let broken = format!("{head}5\r\n{{\"a\":\r\nnonsense\r\n");
    let answers = send(address(&server), broken.as_bytes()).await;
    // actix-http takes it for a client that has disconnected.
    assert_eq!(String::from_utf8_lossy(&answers), "");
}

#[actix_web::test]
async fn stored_text_of_a_head_comes_back_unchanged() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut metric = samples::metric("m1");
    // Texts are trimmed.
    let formula = format!("{BARE}.");
    metric["definition"]["formula"] = formula.as_str().into();
    server.post("/api/v1/metrics", &admin, &metric).await.expect(201);
    for encoding in ["identity", "gzip", "br", "zstd"] {
        let headers = [("accept-encoding", encoding)];
        for path in ["/api/v1/metrics/m1", "/api/v1/metrics"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\
                 accept-encoding: {encoding}\r\n\r\n"
            );
            let alone = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            let alone = body(&send(address(&server), alone.as_bytes()).await).to_vec();
            let both =
                send(address(&server), format!("{request}nonsense\r\n\r\n").as_bytes()).await;
            assert!(body(&both).starts_with(&alone), "{encoding} {path}");
            let last = RawAnswer::parse(&body(&both)[alone.len()..]);
            assert_complete(&last, 400, "VALIDATION_ERROR", encoding);
        }
        let found = server.send(reqwest::Method::GET, "/api/v1/metrics/m1", &admin, &headers, None);
        if encoding == "identity" {
            assert_eq!(found.await.json()["data"]["definition"]["formula"], formula);
        }
    }
}

/// Returns what follows the first head.
fn body(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    &bytes[end + 4..]
}

#[actix_web::test]
async fn switches_of_security_headers_apply() {
    let server = Server::with(&["--csp-enabled", "false", "--hsts-enabled", "false"]).await;
    let answer = RawAnswer::parse(&send(address(&server), b"nonsense\r\n\r\n").await);
    assert_eq!(
        (answer.header("content-security-policy"), answer.header("x-frame-options")),
        ("", "DENY")
    );
    assert_eq!(answer.header("strict-transport-security"), "");
    let server = Server::with(&["--security-headers-enabled", "false"]).await;
    let answer = RawAnswer::parse(&send(address(&server), b"nonsense\r\n\r\n").await);
    assert!(ALWAYS.iter().all(|(name, _)| answer.header(name).is_empty()));
    assert!(answer.status == 400 && !answer.header("x-request-id").is_empty());
}
