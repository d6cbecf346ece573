use serde_json::json;

use crate::support::{PASSWORD, Server};

const KEYS: &str = "/api/auth/api-keys";

#[actix_web::test]
async fn who_what_which_from_where_and_when() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "editor").await;
    let (id, key) = server.key(&eva, &["metrics:read"]).await;
    server.patch(&format!("{KEYS}/{id}"), &eva, &json!({"name": "other"})).await.expect(200);
    let rotated = server.post(&format!("{KEYS}/{id}/rotate"), &eva, &json!({"grace_minutes": 5})).await.expect(201);
    let answer = server.delete(&format!("{KEYS}/{id}"), &admin).await.expect(200);
    let log = server.get("/api/v1/audit?target=", &admin).await;
    log.expect_error(400, "VALIDATION_ERROR");
    let log = server.get(&format!("/api/v1/audit?target={id}"), &admin).await.expect(200);
    let entries = log.json()["data"].as_array().unwrap().clone();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["api_key.revoked", "api_key.rotated", "api_key.updated", "api_key.created"]);
    let revoked = &entries[0];
    assert_eq!((&revoked["actor"], &revoked["target"]), (&json!("admin"), &json!("other")));
    assert_eq!(revoked["address"], "127.0.0.1");
    assert_eq!(revoked["request_id"], answer.header("x-request-id"));
    assert_eq!(revoked["details"]["owner"], "eva");
    assert!(revoked["occurred_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries[1]["details"]["grace_minutes"], 5);
    assert_eq!(entries[1]["details"]["successor"], rotated.json()["key_info"]["id"]);
    assert!(!log.text.contains(&key) && !log.text.contains(&key[8..]));

    server.put(&format!("/api/auth/users/{eva_id}"), &admin, &json!({"role": "viewer"})).await.expect(200);
    let change = json!({"current_password": PASSWORD, "new_password": "another one for tests"});
    server.post("/api/auth/change-password", &eva, &change).await.expect(200);
    let total = async |query: &str| {
        server.get(&format!("/api/v1/audit?{query}"), &admin).await.expect(200).json()["pagination"]["total"].clone()
    };
    assert_eq!(total("action=user.password_changed").await, 1);
    assert_eq!(total("action=user.updated&actor=ADMIN").await, 1);
    assert_eq!(total("action=api_key.revoked").await, 2, "the password took the successor along");
    assert_eq!(total("actor=nobody").await, 0);
    assert_eq!(total("until=2026-01-01T00:00:00Z").await, 0);
    assert_eq!(total(&format!("since=2026-01-01T00:00:00Z&target={id}")).await, 4);
    let page = server.get("/api/v1/audit?limit=1&page=2", &admin).await.expect(200);
    assert!(page.header("link").contains("rel=\"prev\""));
    server.delete(&format!("/api/auth/users/{eva_id}"), &admin).await.expect(200);
    assert_eq!(total("actor=eva").await, json!(5), "it outlives whom it speaks of");
}

#[actix_web::test]
async fn it_is_for_administrators_and_asked_properly() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    server.get("/api/v1/audit", &eva).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/api/v1/audit", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    for query in ["actor=", "action=x", "target=1", "since=now", "until=1", "limit=101", "x=1", "actor=a&actor=b"] {
        server.get(&format!("/api/v1/audit?{query}"), &admin).await.expect_error(400, "VALIDATION_ERROR");
    }
}

#[actix_web::test]
async fn what_is_refused_leaves_no_entry() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let (id, _) = server.key(&admin, &["admin"]).await;
    let before = server.get("/api/v1/audit", &admin).await.json()["pagination"]["total"].clone();
    server.delete(&format!("{KEYS}/{id}"), &eva).await.expect(403);
    server.post(KEYS, &eva, &json!({"name": "x", "scopes": ["admin"]})).await.expect(403);
    server.patch(&format!("{KEYS}/{id}"), &eva, &json!({"name": "x"})).await.expect(404);
    assert_eq!(server.get("/api/v1/audit", &admin).await.json()["pagination"]["total"], before);
}
