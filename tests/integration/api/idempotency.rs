//! `Idempotency-Key` on every change of one item: a repeated request gets the first response and
//! changes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server};

struct Change {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    /// A body that makes another request of it.
    other: Option<Value>,
    status: u16,
}

/// Returns a change of each kind, in an order in which all succeed.
fn changes() -> Vec<Change> {
    let change = |method, path, body, other, status| Change { method, path, body, other, status };
    let (m1, d3) = ("/api/v1/metrics/m1", "/api/v1/domains/d3");
    let color = |color: &str| Some(json!({"color": color}));
    let tags = |tag: &str| Some(json!({"tags": [tag]}));
    let domain = |name: &str| Some(json!({"domain_id": "d3", "name": name}));
    vec![
        change(Method::POST, "/api/v1/metrics", Some(metric("m1")), Some(metric("m9")), 201),
        change(Method::PUT, m1, tags("a"), tags("b"), 200),
        change(Method::PATCH, m1, tags("c"), tags("d"), 200),
        change(Method::DELETE, m1, None, None, 200),
        change(Method::POST, "/api/v1/domains", domain("Third"), domain("Fourth"), 201),
        change(Method::PUT, d3, color("#fff"), color("#eee"), 200),
        change(Method::PATCH, d3, color("#ddd"), color("#ccc"), 200),
        change(Method::DELETE, d3, None, None, 200),
    ]
}

#[actix_web::test]
async fn repeated_change_gets_the_first_response_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let send = async |change: &Change, key: &str, body: &Option<Value>| -> Answer {
        let media_type = match change.method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.as_ref().map(|body| (media_type, body.to_string().into_bytes()));
        let method = change.method.clone();
        server.send(method, change.path, &admin, &[("idempotency-key", key)], body).await
    };
    for (number, change) in changes().iter().enumerate() {
        let (key, name) = (format!("k{number}"), format!("{} {}", change.method, change.path));
        let first = send(change, &key, &change.body).await.expect(change.status);
        let epoch = server.state().catalogue.responses.epochs.current();
        for _ in 0..2 {
            let again = send(change, &key, &change.body).await.expect(change.status);
            assert_eq!(again.text, first.text, "{name}");
            for header in ["etag", "location"] {
                assert_eq!(again.header(header), first.header(header), "{name}");
            }
        }
        assert_eq!(server.state().catalogue.responses.epochs.current(), epoch, "{name}");
        if change.other.is_some() {
            let other = send(change, &key, &change.other).await;
            other.expect_error(422, "IDEMPOTENCY_MISMATCH");
        }
    }
    // The key of one change is none of another item, and not of another version.
    let color = json!({"color": "#123"});
    let put = async |path: &str, version: &str| {
        let headers = [("idempotency-key", "once"), ("if-match", version)];
        let body = Some(crate::support::json_body(&color));
        server.send(Method::PUT, path, &admin, &headers, body).await
    };
    put("/api/v1/domains/d1", "\"1\"").await.expect(200);
    // Its version is another one now, but the request is the first one.
    put("/api/v1/domains/d1", "\"1\"").await.expect(200);
    put("/api/v1/domains/d1", "\"2\"").await.expect_error(422, "IDEMPOTENCY_MISMATCH");
    put("/api/v1/domains/d2", "\"1\"").await.expect_error(422, "IDEMPOTENCY_MISMATCH");
}
