//! Metrics and business domains as they were at an instant.

use serde_json::{Value, json};

use crate::api::versions::kept;
use crate::support::Server;
use crate::support::samples::metric;

const M1: &str = "/api/v1/metrics/m1";

/// Returns the path of the metric at an instant.
fn at(path: &str, instant: &Value) -> String {
    format!("{path}?as_of={}", instant.as_str().unwrap())
}

#[actix_web::test]
async fn metric_is_shown_as_it_was_at_any_instant() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut shown = Vec::new();
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    shown.push(kept(&server.get(M1, &admin).await.json()["data"]));
    for tag in ["one", "two"] {
        server.advance(60);
        let changed = server.put(M1, &admin, &json!({"tags": [tag]})).await.expect(200);
        shown.push(kept(&changed.json()["data"]));
    }
    server.advance(60);
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    shown.push(kept(&server.get(M1, &admin).await.json()["data"]));
    server.advance(60);
    server.delete(M1, &admin).await.expect(200);
    server.advance(60);
    let entries = server.get(&format!("{M1}/versions"), &admin).await.json()["data"].clone();
    let instant = |back: usize| &entries[back]["changed_at"];
    for (position, expected) in shown.iter().enumerate() {
        let back = shown.len() - position;
        let answer = server.get(&at(M1, instant(back)), &admin).await.expect(200);
        assert_eq!(answer.json()["data"], *expected);
        let version = expected["metadata"]["version"].as_str().unwrap();
        assert_eq!(answer.header("etag"), format!("\"{version}\""));
    }
    // Between two changes it is what the first of them left.
    let first = instant(4).as_str().unwrap().replace('Z', "999Z");
    let between = server.get(&format!("{M1}?as_of={first}"), &admin).await.expect(200);
    assert_eq!(between.json()["data"], shown[0]);
    // Deleted, and not yet created.
    for gone in [instant(0), &json!("2020-01-01T00:00:00Z")] {
        let refused = server.get(&at(M1, gone), &admin).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.json()["error"]["message"], "Metric \"m1\" not found");
    }
}

#[actix_web::test]
async fn instants_in_the_future_and_other_bad_ones_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for bad in ["2999-01-01T00:00:00Z", "yesterday", "", "2026-01-01", "1970-01-01T00:00:00"] {
        for path in [M1, "/api/v1/domains/d1"] {
            let refused = server.get(&format!("{path}?as_of={bad}"), &admin).await;
            assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), ["as_of"], "{bad}");
        }
    }
    // Offsets are understood, and the farthest past is only empty.
    let past = "0001-01-01T00:00:00-12:00";
    server.get(&format!("{M1}?as_of={past}"), &admin).await.expect_error(404, "NOT_FOUND");
    let twice = format!("{M1}?as_of=2026-01-01T00:00:00Z&as_of=2026-01-01T00:00:00Z");
    server.get(&twice, &admin).await.expect_error(400, "VALIDATION_ERROR");
}

#[actix_web::test]
async fn fields_and_the_cache_know_the_instant() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let created = server.get(M1, &admin).await.json()["data"]["metadata"]["created_at"].clone();
    server.advance(60);
    server.put(M1, &admin, &json!({"name": "New"})).await.expect(200);
    for _ in 0..2 {
        let former = server.get(&format!("{}&fields=name", at(M1, &created)), &admin).await;
        let former = former.expect(200);
        assert_eq!(former.json()["data"], json!({"metric_id": "m1", "name": "Metric m1"}));
        assert!(former.header("etag").starts_with("\"1.0.0+"), "{}", former.header("etag"));
        let present = server.get(&format!("{M1}?fields=name"), &admin).await.expect(200);
        assert_eq!(present.json()["data"]["name"], "New");
        let tags = server.get(&format!("{}&fields=tags", at(M1, &created)), &admin).await;
        assert_eq!(tags.json()["data"], json!({"metric_id": "m1", "tags": ["a", "b & c"]}));
    }
}
