//! Deprecated metrics name their successor and the day of their end; readers are told in headers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::relations::{create, related, started};
use crate::support::samples::metric;
use crate::support::{Answer, Server};

const OLD: &str = "/api/v1/metrics/old";

async fn patch(server: &Server, token: &str, governance: Value) -> Answer {
    let body = serde_json::to_vec(&json!({ "governance": governance })).unwrap();
    let body = Some(("application/merge-patch+json", body));
    server.send(Method::PATCH, OLD, token, &[], body).await
}

fn notices(answer: &Answer) -> [&str; 3] {
    [answer.header("deprecation"), answer.header("sunset"), answer.header("link")]
}

#[actix_web::test]
async fn readers_of_deprecated_metrics_are_told() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("new", &[], &[])).await;
    create(&server, &admin, &related("old", &[], &[])).await;
    assert_eq!(notices(&server.get(OLD, &admin).await), ["", "", ""]);
    server.advance(300);
    let since = server.clock.now().timestamp();
    let governance =
        json!({"status": "deprecated", "successor_id": "new", "sunset_on": "2027-02-28"});
    patch(&server, &admin, governance).await.expect(200);
    server.advance(300);
    // Another change is no other beginning.
    server.put(OLD, &admin, &json!({"tags": ["x"]})).await.expect(200);
    let deprecation = format!("@{since}");
    let expected = [
        deprecation.as_str(),
        "Sun, 28 Feb 2027 00:00:00 GMT",
        "</api/v1/metrics/new>; rel=\"successor-version\"",
    ];
    let read = async |method: Method, headers: &[(&str, &str)]| {
        server.send(method, OLD, &admin, headers, None).await
    };
    // From the database, from the cache, compressed, and without a body.
    for headers in [&[][..], &[][..], &[("accept-encoding", "gzip")][..]] {
        let answer = read(Method::GET, headers).await.expect(200);
        assert_eq!(notices(&answer), expected);
    }
    let answer = read(Method::HEAD, &[]).await.expect(200);
    assert_eq!(notices(&answer), expected);
    let answer = read(Method::GET, &[("if-none-match", "\"1.0.2\"")]).await.expect(304);
    assert_eq!(notices(&answer), expected);
    let data = server.get(OLD, &admin).await.json()["data"].clone();
    assert_eq!(data["governance"]["sunset_on"], "2027-02-28");
    // What was read can be sent back.
    let same = server.put(OLD, &admin, &data).await.expect(200);
    assert_eq!(same.header("etag"), "\"1.0.2\"");
    // Not of lists, nor of others.
    let list = server.get("/api/v1/metrics", &admin).await;
    assert_eq!(list.header("deprecation"), "");
    assert_eq!(notices(&server.get("/api/v1/metrics/new", &admin).await), ["", "", ""]);
    // It may be deprecated alone, and become active again.
    let alone = json!({"successor_id": null, "sunset_on": null});
    patch(&server, &admin, alone).await.expect(200);
    assert_eq!(notices(&server.get(OLD, &admin).await), [deprecation.as_str(), "", ""]);
    patch(&server, &admin, json!({"status": "active"})).await.expect(200);
    assert_eq!(notices(&server.get(OLD, &admin).await), ["", "", ""]);
}

#[actix_web::test]
async fn metric_that_is_created_deprecated_is_so_since_then() {
    let (server, admin) = started().await;
    let mut body = metric("old");
    body["governance"]["status"] = json!("deprecated");
    let since = server.clock.now().timestamp();
    create(&server, &admin, &body).await;
    assert_eq!(notices(&server.get(OLD, &admin).await), [format!("@{since}").as_str(), "", ""]);
}

#[actix_web::test]
async fn bad_successors_and_days_are_refused() {
    let (server, admin) = started().await;
    create(&server, &admin, &related("old", &[], &[])).await;
    let successor = "governance.successor_id";
    let day = "governance.sunset_on";
    for (governance, fields) in [
        (json!({"status": "deprecated", "successor_id": "nobody"}), vec![successor]),
        (json!({"status": "deprecated", "successor_id": "old"}), vec![successor]),
        (json!({"status": "deprecated", "successor_id": "a b"}), vec![successor]),
        (json!({"status": "deprecated", "sunset_on": "2027-02-29"}), vec![day]),
        (json!({"status": "deprecated", "sunset_on": "2027-2-1"}), vec![day]),
        (json!({"status": "deprecated", "sunset_on": "2027-02-28T00:00:00Z"}), vec![day]),
        (json!({"status": "deprecated", "sunset_on": 1}), vec![day]),
        // Only deprecated metrics have them.
        (json!({"successor_id": "old", "sunset_on": "2027-02-28"}), vec![successor, day]),
        (json!({"status": "draft", "sunset_on": "2027-02-28"}), vec![day]),
    ] {
        let refused = patch(&server, &admin, governance.clone()).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), fields, "{governance}");
        let mut whole = metric("m2");
        whole["governance"]
            .as_object_mut()
            .unwrap()
            .extend(governance.as_object().unwrap().clone());
        let refused = server.post("/api/v1/metrics", &admin, &whole).await;
        if governance["successor_id"] != "old" || governance.get("status").is_none() {
            let refused = refused.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.fields(), fields, "{governance}");
        }
    }
    let kept = json!({"status": "deprecated", "sunset_on": "2027-02-28"});
    patch(&server, &admin, kept).await.expect(200);
    let refused = patch(&server, &admin, json!({"status": "active"})).await;
    assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [day]);
}
