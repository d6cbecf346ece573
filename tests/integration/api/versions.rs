//! Versions of metrics: each shows what the metric was, whatever happened to it afterwards.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database, json_body};

const M1: &str = "/api/v1/metrics/m1";

/// Returns what a version keeps of a response with a metric: all but the history.
pub(super) fn kept(data: &Value) -> Value {
    let mut data = data.clone();
    if let Some(metadata) = data["metadata"].as_object_mut() {
        metadata.remove("change_history");
    }
    data
}

pub(super) async fn version(server: &Server, token: &str, version: &str) -> Answer {
    server.get(&format!("{M1}/versions/{version}"), token).await
}

async fn content(server: &Server, token: &str, wanted: &str) -> Value {
    version(server, token, wanted).await.expect(200).json()["data"]["content"].clone()
}

#[actix_web::test]
async fn each_change_is_a_version_with_its_content_channel_and_author() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let mut shown: Vec<(String, Value)> = Vec::new();
    let mut note = |answer: Answer| {
        let data = answer.expect(200).json()["data"].clone();
        let version = data["metadata"]["version"].as_str().unwrap().to_owned();
        shown.push((version, kept(&data)));
    };
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    note(server.get(M1, &admin).await);
    note(server.put(M1, &eva, &json!({"description": "What <i>it</i> tells us"})).await);
    note(server.merge(M1, &eva, &json!({"definition": {"formula": "a / b"}})).await);
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    note(server.get(M1, &admin).await);
    let imported = metric_with("m1", &json!({"business_domain": "Money", "tags": ["imported"]}));
    server.post("/api/v1/import", &eva, &json!({"metrics": [imported]})).await.expect(200);
    note(server.get(M1, &admin).await);
    // The present version, the former ones, and all of them after the metric is deleted.
    for _ in 0..2 {
        for (version, expected) in &shown {
            assert_eq!(content(&server, &admin, version).await, *expected, "{version}");
        }
        server.delete(M1, &admin).await;
    }
    let list = server.get(&format!("{M1}/versions"), &admin).await.expect(200).json();
    let entries: Vec<Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let names = ["revision", "version", "previous_version", "changed_by", "change_type"];
            let mut row: Vec<Value> = names.iter().map(|name| entry[*name].clone()).collect();
            row.push(entry["channel"].clone());
            assert_eq!(entry["content_kept"], true);
            Value::from(row)
        })
        .collect();
    assert_eq!(
        entries,
        [
            json!([6, "3.0.0", "3.0.0", "admin", "delete", "api"]),
            json!([5, "3.0.0", "2.1.0", "eva", "update", "import"]),
            json!([4, "2.1.0", "2.0.0", "admin", "update", "domain_rename"]),
            json!([3, "2.0.0", "1.1.0", "eva", "update", "api"]),
            json!([2, "1.1.0", "1.0.0", "eva", "update", "api"]),
            json!([1, "1.0.0", null, "admin", "create", "api"]),
        ]
    );
    assert_eq!(list["pagination"]["total"], 6);
    let second = server.get(&format!("{M1}/versions?page=2&limit=4"), &admin).await.expect(200);
    assert_eq!(second.json()["data"][0], list["data"][4]);
    assert!(second.header("link").contains("/api/v1/metrics/m1/versions?"));
    // An entry says the same alone, in the list and in the history.
    let one = version(&server, &admin, "2.0.0").await.json()["data"].clone();
    let history = server.get(&format!("{M1}/history"), &admin).await.json()["data"][3].clone();
    for (name, value) in history.as_object().unwrap() {
        assert_eq!((name, &one[name]), (name, value));
        assert_eq!(list["data"][3][name], *value);
    }
}

#[actix_web::test]
async fn version_can_be_kept_for_ever() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let present = version(&server, &admin, "1.0.0").await.expect(200);
    assert_eq!(present.header("etag"), "\"1.0.0\"");
    assert_eq!(present.header("cache-control"), "private, max-age=31536000, immutable");
    server.put(M1, &admin, &json!({"tags": []})).await.expect(200);
    // Its bytes are the same when another version has replaced it.
    let replaced = version(&server, &admin, "1.0.0").await.expect(200);
    assert_eq!(replaced.text, present.text);
    let path = format!("{M1}/versions/1.0.0");
    let again =
        server.send(Method::GET, &path, &admin, &[("if-none-match", "\"1.0.0\"")], None).await;
    let again = again.expect(304);
    assert_eq!(again.header("cache-control"), "private, max-age=31536000, immutable");
    // The list may grow.
    let list = server.get(&format!("{M1}/versions"), &admin).await.expect(200);
    assert_eq!(list.header("cache-control"), "private, no-cache");
    assert_eq!(list.json()["count"], 2);
}

#[actix_web::test]
async fn versions_that_do_not_exist_are_not_found() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for unknown in ["1.0.1", "01.0.0", "1", "...", "9999999999999999999999.0.0"] {
        let refused = version(&server, &admin, unknown).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.json()["error"]["message"], "Version not found");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    for bad in ["latest", "1.0.0%00", "1.0.0'--", "%F0%9F%98%80"] {
        let refused = version(&server, &admin, bad).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.text);
    }
    for path in ["versions", "versions/1.0.0", "diff?from=1.0.0&to=1.0.1"] {
        let refused = server.get(&format!("/api/v1/metrics/m9/{path}"), &admin).await;
        let refused = refused.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.json()["error"]["message"], "Metric \"m9\" not found");
    }
    for (query, field) in [("?limit=0", "limit"), ("?sort=x", "sort"), ("?page=x", "page")] {
        let refused = server.get(&format!("{M1}/versions{query}"), &admin).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [field]);
    }
}

#[actix_web::test]
async fn version_that_was_replaced_before_contents_were_kept_says_so() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.put(M1, &admin, &json!({"tags": []})).await.expect(200);
    // As the former release left it.
    let forget = "DELETE FROM metric_snapshots; UPDATE metric_revisions SET channel = NULL";
    database::sql(&server.database_url, forget).await;
    server.put(M1, &admin, &json!({"tags": ["new"]})).await.expect(200);
    let list = server.get(&format!("{M1}/versions"), &admin).await.expect(200).json();
    let column = |name: &str| -> Vec<Value> {
        list["data"].as_array().unwrap().iter().map(|entry| entry[name].clone()).collect()
    };
    assert_eq!(column("content_kept"), [json!(true), json!(true), json!(false)]);
    assert_eq!(column("channel"), [json!("api"), Value::Null, Value::Null]);
    version(&server, &admin, "1.0.1").await.expect(200);
    let body = json!({"version": "1.0.0"});
    for refused in [
        version(&server, &admin, "1.0.0").await,
        server.get(&format!("{M1}/diff?from=1.0.0&to=1.0.2"), &admin).await,
        server.post(&format!("{M1}/restore"), &admin, &body).await,
    ] {
        let refused = refused.expect_error(404, "NOT_FOUND");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("The content of this version was not kept"), "{message}");
    }
    assert_eq!(server.get(M1, &admin).await.header("etag"), "\"1.0.2\"");
}

/// A rolling upgrade: the former release knows neither the snapshots nor the channel.
#[actix_web::test]
async fn version_that_the_former_release_replaces_is_kept() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let before = kept(&server.get(M1, &admin).await.json()["data"]);
    let change = "UPDATE metrics SET name = 'Renamed', version = '1.1.0', revision = 2; \
        INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by, \
            change_type, fields_changed, changes_summary) \
        VALUES ('m1', 2, '1.1.0', now(), 'admin', 'update', '[\"name\"]', 'Changed name')";
    database::sql(&server.database_url, change).await;
    assert_eq!(content(&server, &admin, "1.0.0").await, before);
    // The cascade of a rename, which the former release runs before it raises the versions.
    let rename = "UPDATE business_domains SET name = 'Money' WHERE domain_id = 'd1'; \
        UPDATE metrics SET version = '1.2.0', revision = 3";
    database::sql(&server.database_url, rename).await;
    let replaced = content(&server, &admin, "1.1.0").await;
    assert_eq!(
        (&replaced["name"], &replaced["business_domain"]),
        (&json!("Renamed"), &json!("Finance"))
    );
}

#[actix_web::test]
async fn import_keeps_what_it_replaces_in_one_statement() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let metrics: Vec<Value> = (0..120).map(|number| metric(&format!("m{number}"))).collect();
    let import = async |metrics: &[Value]| {
        let body = Some(json_body(&json!({ "metrics": metrics })));
        server.send(Method::POST, "/api/v1/import", &admin, &[], body).await.expect(200)
    };
    import(&metrics).await;
    let count = "SELECT count(*) FROM metric_snapshots";
    assert_eq!(database::sql(&server.database_url, count).await, [["0"]], "the rows are kept");
    let changed: Vec<Value> = metrics
        .iter()
        .map(|metric| {
            let mut changed = metric.clone();
            changed["tier"] = json!("Tier-2");
            changed
        })
        .collect();
    import(&changed).await;
    assert_eq!(database::sql(&server.database_url, count).await, [["120"]]);
    assert_eq!(content(&server, &admin, "1.0.0").await["tier"], "Tier-1");
    assert_eq!(content(&server, &admin, "1.1.0").await["tier"], "Tier-2");
}
