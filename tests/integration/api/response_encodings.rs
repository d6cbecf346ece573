//! Compressed responses from the cache: the same encoding and the same text as the middleware
//! would send, compressed once.

use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use actix_http::ContentEncoding;
use actix_http::encoding::Decoder;
use actix_http::error::PayloadError;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mdl::cache::responses::{BodyEncoding, CacheLookup};
use mdl::http::cached_response::CachedResponse;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Server, database};

const ONE: &str = "/api/v1/metrics/m1";
/// More than 32 KiB.
const LIST: &str = "/api/v1/metrics?limit=40";
/// Headers, and what is expected of them.
const ACCEPTED: [(&str, &str); 16] = [
    ("br", "br"),
    ("gzip", "gzip"),
    ("zstd", "zstd"),
    ("deflate", "deflate"),
    ("identity", ""),
    ("*", ""),
    ("", ""),
    ("unknown", ""),
    ("gzip, deflate, br, zstd", "br"),
    ("gzip, deflate, zstd", "zstd"),
    ("br;q=0.5, gzip;q=0.9", "gzip"),
    ("gzip;q=0, br", "br"),
    ("gzip;q=0", ""),
    ("*;q=0.1, gzip;q=0.2", "gzip"),
    ("identity;q=0, zstd", "zstd"),
    ("br;q=x", ""),
];

struct Raw {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn text(&self) -> String {
        let encoding = self.header("content-encoding");
        if encoding.is_empty() {
            return String::from_utf8(self.body.clone()).unwrap();
        }
        let body = Ok::<_, PayloadError>(Bytes::from(self.body.clone()));
        let encoding: ContentEncoding = encoding.parse().unwrap();
        let decoded: Vec<Result<Bytes, _>> =
            Decoder::new(stream::once(ready(body)), encoding).collect().await;
        let decoded: Vec<Bytes> = decoded.into_iter().map(Result::unwrap).collect();
        String::from_utf8(decoded.concat()).unwrap()
    }
}

async fn send(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Raw {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", server.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Raw { status, headers, body: answer.bytes().await.unwrap().to_vec() }
}

async fn get(server: &Server, path: &str, accepted: &str) -> Raw {
    let raw = send(server, Method::GET, path, &[("accept-encoding", accepted)]).await;
    assert_eq!(raw.status, 200, "{path} {accepted}");
    raw
}

async fn filled(url: &str) -> (Server, String) {
    let server = Server::on(url, &["--anonymous-read", "true"]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let metrics: Vec<_> = (0..40).map(|number| metric(&format!("m{number}"))).collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": metrics})).await.expect(200);
    server.settled().await;
    (server, admin)
}

fn entry(server: &Server, path: &str, encoding: BodyEncoding) -> Option<Arc<CachedResponse>> {
    match server.state().catalogue.responses.get(path, encoding, Instant::now()) {
        CacheLookup::Fresh(entry) | CacheLookup::Stale(entry) => Some(entry.response),
        CacheLookup::Miss => None,
    }
}

#[actix_web::test]
async fn cached_bodies_have_the_encoding_and_the_text_that_the_middleware_sends() {
    let (server, _) = filled(&database::fresh().await).await;
    for path in [ONE, LIST] {
        let plain = get(&server, path, "identity").await;
        assert!(path == ONE || plain.body.len() > 32 * 1024);
        let text = plain.text().await;
        for (accepted, expected) in ACCEPTED {
            let (first, second) =
                (get(&server, path, accepted).await, get(&server, path, accepted).await);
            // Its body is not from the cache.
            let by_middleware = get(&server, "/health", accepted).await;
            let encoding = first.header("content-encoding");
            assert_eq!(encoding, expected, "{accepted}");
            assert_eq!(encoding, by_middleware.header("content-encoding"), "{accepted}");
            assert_eq!(first.header("vary"), "accept-encoding", "{accepted}");
            // Each representation has an entity tag of its own (RFC 9110, 8.8.3.3).
            let tag = plain.header("etag").trim_matches('"');
            let suffix = if expected.is_empty() { String::new() } else { format!(";{expected}") };
            assert_eq!(first.header("etag"), format!("\"{tag}{suffix}\""), "{accepted}");
            assert_eq!(first.text().await, text, "{path} {accepted}");
            assert_eq!(
                (&first.body, first.body.len() < text.len()),
                (&second.body, !encoding.is_empty())
            );
            assert_eq!(first.header("etag"), second.header("etag"), "{accepted}");
            for name in ["content-type", "link", "x-total-count", "x-total-pages"] {
                assert_eq!(first.header(name), plain.header(name), "{name}: {accepted}");
                assert_eq!(first.header(name), second.header(name), "{name}: {accepted}");
            }
        }
        let refused = [("accept-encoding", "identity;q=0, *;q=0")];
        assert_eq!(send(&server, Method::GET, path, &refused).await.status, 406);
    }
}

#[actix_web::test]
async fn body_is_compressed_once_and_not_for_head_twice_nor_for_304() {
    let (server, _) = filled(&database::fresh().await).await;
    let gzip = ("accept-encoding", "gzip");
    let first = get(&server, ONE, "gzip").await;
    let known = [gzip, ("if-none-match", first.header("etag"))];
    let compressed = entry(&server, ONE, BodyEncoding::Gzip).unwrap();
    for _ in 0..3 {
        assert_eq!(get(&server, ONE, "gzip").await.body, first.body);
        let head = send(&server, Method::HEAD, ONE, &[gzip]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-encoding"), "gzip");
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        let same = send(&server, Method::GET, ONE, &known).await;
        assert_eq!((same.status, same.body.len()), (304, 0));
        assert_eq!((same.header("etag"), same.header("content-encoding")), (known[1].1, ""));
        assert!(Arc::ptr_eq(&compressed, &entry(&server, ONE, BodyEncoding::Gzip).unwrap()));
    }
    let brotli = [("accept-encoding", "br"), known[1]];
    assert_eq!(send(&server, Method::GET, ONE, &brotli).await.status, 304);
    assert!(entry(&server, ONE, BodyEncoding::Brotli).is_none(), "304 compresses nothing");
}

#[actix_web::test]
async fn change_ends_every_encoding_and_an_outage_is_answered_in_each() {
    let proxy = Proxy::start(true).await;
    let (server, admin) = filled(&proxy.url(&database::fresh().await)).await;
    for encoding in ["identity", "gzip", "br"] {
        get(&server, ONE, encoding).await;
    }
    server.put(ONE, &admin, &json!({"tags": ["new"]})).await.expect(200);
    let changed = get(&server, ONE, "gzip").await.text().await;
    assert!(changed.contains("\"new\""));
    assert_eq!(get(&server, ONE, "br").await.text().await, changed);
    server.settled().await;
    // Of the next version, only the plain body and the one with gzip are cached.
    server.put(ONE, &admin, &json!({"tags": ["newest"]})).await.expect(200);
    let newest = get(&server, ONE, "gzip").await.text().await;
    server.put(ONE, &admin, &json!({"tags": ["not cached"]})).await.expect(200);
    proxy.close();
    for encoding in ["br", "gzip", "zstd", "identity"] {
        let stale = get(&server, ONE, encoding).await;
        assert_eq!(stale.header("x-cache"), "STALE");
        assert_eq!(stale.text().await, newest, "{encoding}");
    }
}
