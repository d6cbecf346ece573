//! Random requests to a running service: every parser that strangers reach over HTTP gets damaged
//! input, as the bytes that it is sent in. Each request has an answer, none is a 5xx, and none
//! writes an error to the log. The seed is fixed, so that a failure can be repeated.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::raw::RawAnswer;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, token};

const REQUESTS: usize = 1500;
/// Longest wait for an answer, in seconds.
const LONGEST: u64 = 20;
const SEED: [u8; 32] = [20; 32];

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const PATHS: [&str; 14] = [
    "/api/v1/metrics",
    "/api/v1/metrics/m1",
    "/api/v1/metrics/m1/diff",
    "/api/v1/metrics/m1/restore",
    "/api/v1/domains",
    "/api/v1/import",
    "/api/v1/changes",
    "/api/v1/audit",
    "/api/auth/refresh",
    "/api/auth/api-keys",
    "/api/auth/password-reset/confirm",
    "/dashboard",
    "/dashboard/sign-in",
    "/dashboard/new-metric",
];
/// Headers that the service reads, each with a value that it accepts.
const HEADERS: [(&str, &str); 17] = [
    ("accept", "application/json-patch+json;q=0.5, text/html"),
    ("accept-encoding", "gzip;q=0.5, br, zstd"),
    ("access-control-request-method", "PUT"),
    ("content-encoding", "gzip"),
    ("cookie", "mdl_session=eyJhbGciOiJIUzI1NiJ9.e30.c2ln; a=b"),
    ("content-type", "application/json; charset=utf-8"),
    ("content-type", "application/yaml"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "application/merge-patch+json"),
    ("idempotency-key", "k-1"),
    ("if-match", "\"1.0.0\", W/\"2.0.0\", *"),
    ("if-none-match", "\"1.0.0-gzip\""),
    ("last-event-id", "bmFtZQ"),
    ("origin", "https://other.example"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("x-api-key", "mdl_0123456789012345678901234567890123456789abcdef"),
    ("x-request-id", "0190f3a4-1b2c-7d3e-8f40-5a6b7c8d9e0f"),
];

/// What a random request is made of.
#[derive(Clone, Debug)]
struct Parts {
    method: &'static str,
    path: &'static str,
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    with_token: bool,
    body: Vec<u8>,
}

/// Returns a text with a part of it replaced by other bytes, or as it is.
fn damaged(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let noise = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..12),
        2 => "[\\[\\]{}()\",;:=&%*?'~ <>|-]{0,8}".prop_map(String::into_bytes),
        1 => "\\PC{0,8}".prop_map(String::into_bytes),
        1 => Just(b"99999999999999999999".to_vec()),
        1 => prop::sample::select(vec![b"[".repeat(2000), b"\\u0000".to_vec(), b"&a *a".to_vec()]),
    ];
    let place = (any::<prop::sample::Index>(), 0..12_usize);
    (noise, place, prop::bool::weighted(0.8)).prop_map(move |(noise, (at, length), damaged)| {
        let start = at.index(text.len() + 1);
        let end = if damaged { (start + length).min(text.len()) } else { start };
        let noise = if damaged { &noise[..] } else { &[] };
        [&text[..start], noise, &text[end..]].concat()
    })
}

/// Bytes that would end a line are no part of the value of a header.
fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    prop::sample::select(HEADERS.to_vec()).prop_flat_map(|(name, value)| {
        damaged(value.as_bytes()).prop_map(move |mut value| {
            value.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
            (name, value)
        })
    })
}

fn parts(bodies: &[&'static [u8]]) -> impl Strategy<Value = Parts> {
    let query = prop_oneof![
        2 => Just(String::new()),
        1 => "\\?[a-z_]{1,8}=[%&=+a-zA-Z0-9,.:-]{0,40}",
        1 => "\\?(since|cursor|as_of|fields|sort|search|from)=[%&=+a-zA-Z0-9,.:-]{0,40}",
    ];
    let body = prop::sample::select(bodies.to_vec()).prop_flat_map(damaged);
    let headers = prop::collection::vec(header(), 0..4);
    let method = prop::sample::select(METHODS.to_vec());
    let path = prop::sample::select(PATHS.to_vec());
    (method, path, query, headers, any::<bool>(), body).prop_map(
        |(method, path, query, headers, with_token, body)| Parts {
            method,
            path,
            query,
            headers,
            with_token,
            body,
        },
    )
}

/// Returns the request as it is sent. The connection ends with its response.
fn request(parts: &Parts, token: &str) -> Vec<u8> {
    let Parts { method, path, query, headers, with_token, body } = parts;
    let mut bytes =
        format!("{method} {path}{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    if *with_token {
        bytes.extend(format!("authorization: Bearer {token}\r\n").bytes());
    }
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
    bytes.extend(body);
    bytes
}

async fn answer(address: &str, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A refused request may be answered before all of it was read.
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    RawAnswer::parse(&response)
}

#[actix_web::test]
async fn damaged_requests_are_answered_without_internal_errors() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    let domain = serde_json::json!({"domain_id": "d1", "name": "Finance"});
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let sample: &'static str = Box::leak(metric("m2").to_string().into_boxed_str());
    let bodies: [&'static [u8]; 6] = [
        sample.as_bytes(),
        b"{\"definition\": {\"unit\": null}, \"tags\": [\"a\", \"b\"]}",
        b"domains:\n  - domain_id: d2\n    name: &n Sales\n    description: *n\n",
        b"username=admin&password=a+b%20c&next=%2Fdashboard&name=x&page=1",
        b"{\"refresh_token\": \"eyJhbGciOiJIUzI1NiJ9.e30.c2ln\"}",
        b"{\"name\": \"k\", \"scopes\": [\"admin\"], \"expires_at\": \"2030-01-01T00:00:00Z\"}",
    ];
    let strategy = parts(&bodies);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let address = server.base.trim_start_matches("http://");
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for _ in 0..REQUESTS {
        let parts = strategy.new_tree(&mut runner).unwrap().current();
        let request = request(&parts, &admin);
        let answering = answer(address, &request);
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(LONGEST), answering);
        let answer = waiting.await.unwrap_or_else(|_| panic!("no answer: {parts:?}"));
        let shown = || format!("{}\n{answer:?}", String::from_utf8_lossy(&request));
        assert!((200..500).contains(&answer.status), "{}", shown());
        *statuses.entry(answer.status).or_default() += 1;
    }
    println!("{statuses:?}");
    let failed: Vec<_> =
        server.logs.lines().into_iter().filter(|line| line["level"] == "ERRO").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    // Damage is refused, and not all of it in the same place.
    for status in [200, 400, 401, 405, 415] {
        assert!(statuses.contains_key(&status), "{status}: {statuses:?}");
    }
}
