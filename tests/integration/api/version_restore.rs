//! Restoring former versions of metrics, also of deleted ones.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::versions::kept;
use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, database, json_body};

const M1: &str = "/api/v1/metrics/m1";

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    (server, admin)
}

async fn restore(server: &Server, token: &str, version: &str, headers: &[(&str, &str)]) -> Answer {
    let body = Some(json_body(&json!({ "version": version })));
    server.send(Method::POST, &format!("{M1}/restore"), token, headers, body).await
}

/// Returns what clients write of a metric.
fn written(data: &Value) -> Value {
    let mut data = kept(data);
    for field in ["version", "created_at", "created_by", "last_updated", "last_updated_by"] {
        data["metadata"].as_object_mut().unwrap().remove(field);
    }
    data
}

async fn newest(server: &Server, token: &str) -> Value {
    server.get(&format!("{M1}/versions"), token).await.expect(200).json()["data"][0].clone()
}

#[actix_web::test]
async fn restored_version_is_a_new_one_with_the_former_content() {
    let (server, admin) = started().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    server.put(M1, &admin, &json!({"category": "Other", "tags": ["x"]})).await.expect(200);
    let restored = restore(&server, &eva, "1.0.0", &[("if-match", "\"2.0.0\"")]).await.expect(200);
    assert_eq!(restored.header("etag"), "\"3.0.0\"");
    let data = restored.json()["data"].clone();
    assert_eq!(written(&data), metric("m1"));
    assert_eq!(data, server.get(M1, &admin).await.json()["data"]);
    assert_eq!(data["metadata"]["created_by"], "admin");
    let entry = newest(&server, &admin).await;
    assert_eq!(entry["channel"], "restore");
    assert_eq!(entry["changes_summary"], "Restored version 1.0.0");
    assert_eq!(entry["fields_changed"], json!(["category", "tags"]));
    assert_eq!(
        (&entry["changed_by"], &entry["previous_version"]),
        (&json!("eva"), &json!("2.0.0"))
    );
    let audit = server.get("/api/v1/audit?action=metric.restored", &admin).await.json();
    let event = &audit["data"][0];
    assert_eq!((&event["actor"], &event["target"]), (&json!("eva"), &json!("m1")), "{audit}");
    assert_eq!(event["changes"]["version"], json!({"from": "2.0.0", "to": "3.0.0"}));
    // The present content needs no new version.
    let same = restore(&server, &eva, "1.0.0", &[]).await.expect(200);
    assert_eq!(same.header("etag"), "\"3.0.0\"");
    assert_eq!(
        server.get(&format!("{M1}/versions"), &admin).await.json()["pagination"]["total"],
        3
    );
    let audit = server.get("/api/v1/audit?action=metric.restored", &admin).await.json();
    assert_eq!(audit["pagination"]["total"], 1);
}

#[actix_web::test]
async fn deleted_metric_is_restored() {
    let (server, admin) = started().await;
    server.put(M1, &admin, &json!({"tags": ["last"]})).await.expect(200);
    server.delete(M1, &admin).await.expect(200);
    // There is no version to match.
    for tag in ["\"1.0.1\"", "*"] {
        let refused = restore(&server, &admin, "1.0.1", &[("if-match", tag)]).await;
        refused.expect_error(412, "PRECONDITION_FAILED");
    }
    let restored = restore(&server, &admin, "1.0.1", &[]).await.expect(200);
    assert_eq!(restored.header("etag"), "\"2.0.0\"");
    let expected = metric_with("m1", &json!({"tags": ["last"]}));
    assert_eq!(written(&server.get(M1, &admin).await.json()["data"]), expected);
    let entry = newest(&server, &admin).await;
    assert_eq!((&entry["change_type"], &entry["channel"]), (&json!("create"), &json!("restore")));
    // Its versions from before are still its own.
    restore(&server, &admin, "1.0.0", &[("if-match", "\"2.0.0\"")]).await.expect(200);
    assert_eq!(written(&server.get(M1, &admin).await.json()["data"]), metric("m1"));
}

#[actix_web::test]
async fn version_of_a_former_metric_is_not_restored_over_a_new_one() {
    let (server, admin) = started().await;
    server.delete(M1, &admin).await.expect(200);
    server
        .post("/api/v1/metrics", &admin, &metric_with("m1", &json!({"name": "Another"})))
        .await
        .expect(201);
    restore(&server, &admin, "1.0.0", &[]).await.expect_error(409, "CONFLICT");
    let data = server.get(M1, &admin).await.json()["data"].clone();
    assert_eq!((&data["name"], &data["metadata"]["version"]), (&json!("Another"), &json!("2.0.0")));
    // It can still be read, and restored when the id is free.
    server.get(&format!("{M1}/versions/1.0.0"), &admin).await.expect(200);
    server.delete(M1, &admin).await.expect(200);
    restore(&server, &admin, "1.0.0", &[]).await.expect(200);
    assert_eq!(written(&server.get(M1, &admin).await.json()["data"]), metric("m1"));
    // What was restored may become any of its versions.
    restore(&server, &admin, "2.0.0", &[]).await.expect(200);
    assert_eq!(server.get(M1, &admin).await.json()["data"]["name"], "Another");
    restore(&server, &admin, "1.0.0", &[]).await.expect(200);
}

#[actix_web::test]
async fn restore_with_bad_input_changes_nothing() {
    let (server, admin) = started().await;
    server.put(M1, &admin, &json!({"business_domain": "Growth"})).await.expect(200);
    let state = "SELECT (SELECT count(*) FROM metric_revisions), (SELECT count(*) FROM \
                 metric_snapshots), (SELECT count(*) FROM audit_events WHERE outcome = 'success'), \
                 (SELECT epoch FROM catalogue_epochs)";
    server.delete("/api/v1/domains/d1", &admin).await.expect(200);
    let before = database::sql(&server.database_url, state).await;
    restore(&server, &admin, "7.0.0", &[]).await.expect_error(404, "NOT_FOUND");
    restore(&server, &admin, "x\u{1F600}", &[]).await.expect_error(404, "NOT_FOUND");
    let stale = restore(&server, &admin, "1.0.0", &[("if-match", "\"1.0.0\"")]).await;
    assert_eq!(stale.expect_error(412, "PRECONDITION_FAILED").header("etag"), "\"1.1.0\"");
    // Its business domain is gone.
    let gone = restore(&server, &admin, "1.0.0", &[]).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(gone.fields(), ["business_domain"]);
    let path = format!("{M1}/restore");
    for (body, field) in [
        (json!({}), "version"),
        (json!({"version": ""}), "version"),
        (json!({"version": 1}), "version"),
        (json!({"version": "1.0.0\0"}), "version"),
        (json!({"version": "1.0.0", "force": true}), "force"),
    ] {
        let refused = server.post(&path, &admin, &body).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [field], "{body}");
    }
    server
        .post("/api/v1/metrics/m9/restore", &admin, &json!({"version": "1.0.0"}))
        .await
        .expect_error(404, "NOT_FOUND");
    let (_, viewer) = server.user(&admin, "vic", "viewer").await;
    restore(&server, &viewer, "1.0.0", &[]).await.expect_error(403, "AUTHORIZATION_ERROR");
    let with_user = "SELECT count(*) FROM audit_events WHERE action = 'metric.restored'";
    assert_eq!(database::sql(&server.database_url, with_user).await, [["0"]]);
    let after = database::sql(&server.database_url, state).await;
    assert_eq!(
        (&before[0][0], &before[0][1], &before[0][3]),
        (&after[0][0], &after[0][1], &after[0][3])
    );
}

#[actix_web::test]
async fn repeated_restore_with_its_key_is_done_once() {
    let (server, admin) = started().await;
    server.put(M1, &admin, &json!({"tags": []})).await.expect(200);
    let key = [("idempotency-key", "r1")];
    let first = restore(&server, &admin, "1.0.0", &key).await.expect(200);
    server.put(M1, &admin, &json!({"tags": ["later"]})).await.expect(200);
    let again = restore(&server, &admin, "1.0.0", &key).await.expect(200);
    assert_eq!((again.header("etag"), &again.text), (first.header("etag"), &first.text));
    assert_eq!(server.get(M1, &admin).await.json()["data"]["tags"], json!(["later"]));
    restore(&server, &admin, "1.0.1", &key).await.expect_error(422, "IDEMPOTENCY_MISMATCH");
}

#[actix_web::test]
async fn if_match_is_required_where_the_service_requires_it() {
    let server = Server::with(&["--require-if-match", "true"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    restore(&server, &admin, "1.0.0", &[]).await.expect_error(428, "PRECONDITION_REQUIRED");
    server.send(Method::DELETE, M1, &admin, &[("if-match", "\"1.0.0\"")], None).await.expect(200);
    // A deleted metric has no version that could be named.
    restore(&server, &admin, "1.0.0", &[]).await.expect(200);
}
