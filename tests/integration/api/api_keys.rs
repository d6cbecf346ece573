//! The routes of API keys.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, json_body, key_in};

const PATH: &str = "/api/auth/api-keys";

#[actix_web::test]
async fn key_is_created_used_changed_and_revoked() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"name": " ci ", "description": "for <b>builds</b><script>x</script>",
        "scopes": ["metrics:read", "domains:read"],
                      "expires_at": "2999-01-01T00:00:00Z"});
    let created = server.post(PATH, &admin, &body).await.expect(201);
    assert_eq!(created.header("cache-control"), "no-store");
    let json = created.json();
    assert_eq!(json["message"], "Store this API key securely. It will not be shown again.");
    let (id, key) = key_in(&created);
    let info = &json["key_info"];
    assert!(key.starts_with("mdl_") && key.len() == 50 && info["prefix"] == key[..8]);
    assert_eq!(info["name"], "ci");
    assert_eq!(info["description"], "for <b>builds</b>");
    assert_eq!(info["key_id"], info["id"]);
    assert_eq!(info["scopes"], json!(["metrics:read", "domains:read"]));
    for (field, value) in [
        ("revoked", json!(false)),
        ("status", json!("active")),
        ("revoked_at", Value::Null),
        ("last_used_at", Value::Null),
        ("replaces", Value::Null),
        ("expires_at", json!("2999-01-01T00:00:00Z")),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    // The key is never shown again.
    let listed = server.get(PATH, &admin).await.expect(200);
    assert_eq!(listed.json()["api_keys"][0]["id"], id.as_str());
    assert!(!listed.text.contains(&key) && !listed.text.contains("key_hash"));
    assert!(!server.logs.text().contains(&key));
    let dump = crate::support::database::sql(
        &server.database_url,
        "SELECT row_to_json(k)::text FROM api_keys k",
    )
    .await;
    assert!(!dump[0][0].contains(&key));

    let path = format!("{PATH}/{id}");
    let changed = server
        .patch(&path, &admin, &json!({"name": "nightly", "extend_days": 2}))
        .await
        .expect(200)
        .json();
    assert_eq!(changed["key"]["name"], "nightly");
    assert_eq!(changed["key"]["expires_at"], "2999-01-03T00:00:00Z");
    assert_eq!(changed["key"]["id"], id.as_str());
    let revoked = server.delete(&path, &admin).await.expect(200).json();
    assert_eq!(revoked, json!({"success": true, "message": "API key revoked successfully"}));
    server.get_with("/api/v1/metrics", &key).await.expect_error(401, "INVALID_API_KEY");
    server.delete(&path, &admin).await.expect_error(404, "API_KEY_NOT_FOUND");
    server.patch(&path, &admin, &json!({"extend_days": 1})).await.expect_error(409, "CONFLICT");
    server.post(&format!("{path}/rotate"), &admin, &json!({})).await.expect_error(409, "CONFLICT");
    let kept = server.get(&format!("{PATH}?status=revoked"), &admin).await.expect(200).json();
    assert_eq!(kept["api_keys"][0]["status"], "revoked");
    assert!(kept["api_keys"][0]["revoked_at"].is_string());
}

#[actix_web::test]
async fn keys_are_listed_by_status_newest_first() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let soon = (server.clock.now() + chrono::TimeDelta::seconds(60)).to_rfc3339();
    let (expiring, _) = server
        .create_key(&admin, &json!({"name": "a", "scopes": ["admin"], "expires_at": soon}))
        .await;
    let (revoked, _) = server.key(&admin, &["admin"]).await;
    let (active, _) = server.key(&admin, &["admin"]).await;
    server.delete(&format!("{PATH}/{revoked}"), &admin).await.expect(200);
    server.advance(61);
    let ids = async |query: &str| -> Vec<String> {
        let body = server.get(&format!("{PATH}{query}"), &admin).await.expect(200).json();
        assert_eq!(body["count"], body["api_keys"].as_array().unwrap().len());
        body["api_keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("").await, [&*active, &revoked, &expiring]);
    assert_eq!(ids("?status=active").await, [&*active]);
    assert_eq!(ids("?status=expired").await, [&*expiring]);
    assert_eq!(ids("?status=revoked").await, [&*revoked]);
    assert_eq!(ids("?status=revoked,expired").await, [&*revoked, &expiring]);
    assert_eq!(ids("?limit=1&page=2").await, [&*revoked]);
    for query in ["?status=alive", "?status=", "?limit=0", "?x=1", "?status=active&status=revoked"]
    {
        server.get(&format!("{PATH}{query}"), &admin).await.expect_error(400, "VALIDATION_ERROR");
    }
    // An expired key cannot be extended, but revoked.
    server
        .patch(&format!("{PATH}/{expiring}"), &admin, &json!({"extend_days": 9}))
        .await
        .expect_error(409, "CONFLICT");
    server
        .post(&format!("{PATH}/{expiring}/rotate"), &admin, &json!({}))
        .await
        .expect_error(409, "CONFLICT");
    server.delete(&format!("{PATH}/{expiring}"), &admin).await.expect(200);
}

#[actix_web::test]
async fn extending_a_key_without_expiry_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.key(&admin, &["admin"]).await;
    let path = format!("{PATH}/{id}");
    let changed =
        server.patch(&path, &admin, &json!({"extend_days": 3650})).await.expect(200).json();
    assert_eq!(changed["key"]["expires_at"], Value::Null);
    let late = json!({"name": "late", "scopes": ["admin"], "expires_at": "9999-06-01T00:00:00Z"});
    let (late, _) = server.create_key(&admin, &late).await;
    let answer =
        server.patch(&format!("{PATH}/{late}"), &admin, &json!({"extend_days": 3650})).await;
    assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields(), ["extend_days"]);
}

#[actix_web::test]
async fn rotation_never_extends_the_old_key() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let in_an_hour = (server.clock.now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let (old, old_key) = server
        .create_key(
            &admin,
            &json!({"name": "ci", "scopes": ["metrics:read"], "expires_at": in_an_hour}),
        )
        .await;
    server.get_with("/api/v1/metrics", &old_key).await.expect(200);
    // A grace period longer than the remaining life of the key.
    let rotated = server
        .post(&format!("{PATH}/{old}/rotate"), &admin, &json!({"grace_minutes": 10080}))
        .await
        .expect(201);
    let (_, new_key) = key_in(&rotated);
    let info = rotated.json()["key_info"].clone();
    assert_eq!(
        (&info["replaces"], &info["name"], &info["status"]),
        (&json!(old), &json!("ci"), &json!("active"))
    );
    server.get_with("/api/v1/metrics", &old_key).await.expect(200);
    server.get_with("/api/v1/metrics", &new_key).await.expect(200);
    server
        .post(&format!("{PATH}/{old}/rotate"), &admin, &json!({}))
        .await
        .expect_error(409, "CONFLICT");
    server.advance(3601);
    for key in [&old_key, &new_key] {
        server.get_with("/api/v1/metrics", key).await.expect_error(401, "API_KEY_EXPIRED");
    }
    // Without a body there is no grace period.
    let admin = server.admin().await;
    let (old, old_key) = server.key(&admin, &["metrics:read"]).await;
    server.get_with("/api/v1/metrics", &old_key).await.expect(200);
    let rotated = server
        .send(Method::POST, &format!("{PATH}/{old}/rotate"), &admin, &[], None)
        .await
        .expect(201);
    let (new, new_key) = key_in(&rotated);
    server.get_with("/api/v1/metrics", &old_key).await.expect_error(401, "API_KEY_EXPIRED");
    server.get_with("/api/v1/metrics", &new_key).await.expect(200);
    for bad in [
        json!({"grace_minutes": 10081}),
        json!({"grace_minutes": -1}),
        json!({"minutes": 1}),
        json!([]),
    ] {
        server
            .post(&format!("{PATH}/{new}/rotate"), &admin, &bad)
            .await
            .expect_error(400, "VALIDATION_ERROR");
    }
}

#[actix_web::test]
async fn keys_of_other_users_are_protected() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "editor").await;
    let (_, max) = server.user(&admin, "max", "viewer").await;
    let (id, key) = server.key(&eva, &["metrics:write"]).await;
    let path = format!("{PATH}/{id}");
    let answer = server.delete(&path, &max).await.expect_error(403, "FORBIDDEN");
    assert_eq!(
        answer.json()["error"]["message"],
        "Cannot revoke API key belonging to another user"
    );
    for token in [&max, &admin] {
        server
            .patch(&path, token, &json!({"name": "mine"}))
            .await
            .expect_error(404, "API_KEY_NOT_FOUND");
        server
            .post(&format!("{path}/rotate"), token, &json!({}))
            .await
            .expect_error(404, "API_KEY_NOT_FOUND");
    }
    let unknown = format!("{PATH}/{}", uuid::Uuid::now_v7());
    server.delete(&unknown, &max).await.expect_error(404, "API_KEY_NOT_FOUND");
    server
        .patch(&unknown, &max, &json!({"name": "x"}))
        .await
        .expect_error(404, "API_KEY_NOT_FOUND");
    server
        .get(&format!("{PATH}?user_id={eva_id}"), &max)
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    let seen = server.get(&format!("{PATH}?user_id={eva_id}"), &admin).await.expect(200).json();
    assert_eq!(seen["api_keys"][0]["id"], id.as_str());
    assert_eq!(server.get(PATH, &admin).await.expect(200).json()["count"], 0);
    server.get_with("/api/v1/metrics", &key).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.delete(&path, &admin).await.expect(200);
    server.get_with("/api/v1/metrics", &key).await.expect_error(401, "INVALID_API_KEY");
}

#[actix_web::test]
async fn all_keys_are_revoked_together() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let (_, foreign) = server.key(&admin, &["metrics:read"]).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(server.key(&eva, &["metrics:read"]).await.1);
        server.get_with("/api/v1/metrics", keys.last().unwrap()).await.expect(200);
    }
    let answer = server.delete(PATH, &eva).await.expect(200).json();
    assert_eq!(
        answer,
        json!({"success": true, "message": "3 API keys revoked successfully", "count": 3})
    );
    for key in &keys {
        server.get_with("/api/v1/metrics", key).await.expect_error(401, "INVALID_API_KEY");
    }
    server.get_with("/api/v1/metrics", &foreign).await.expect(200);
    assert_eq!(server.delete(PATH, &eva).await.expect(200).json()["count"], 0);
}

#[actix_web::test]
async fn keys_never_exceed_their_owner_and_cannot_create_keys() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, viewer) = server.user(&admin, "vera", "viewer").await;
    for scopes in
        [json!(["metrics:write"]), json!(["metrics:read", "admin"]), json!(["objectives:write"])]
    {
        let body = json!({"name": "x", "scopes": scopes});
        server.post(PATH, &viewer, &body).await.expect_error(403, "AUTHORIZATION_ERROR");
    }
    let (id, key) = server
        .key(&admin, &["admin", "metrics:write", "metrics:read", "domains:write", "domains:read"])
        .await;
    let with = [("x-api-key", key.as_str())];
    let body = Some(json_body(&json!({"name": "x", "scopes": ["metrics:read"]})));
    for (method, path, body) in [
        (Method::POST, PATH.to_owned(), body.clone()),
        (Method::GET, PATH.to_owned(), None),
        (Method::DELETE, PATH.to_owned(), None),
        (Method::DELETE, format!("{PATH}/{id}"), None),
        (Method::PATCH, format!("{PATH}/{id}"), Some(json_body(&json!({"name": "y"})))),
        (Method::POST, format!("{PATH}/{id}/rotate"), None),
        (Method::GET, "/api/auth/me".into(), None),
        (
            Method::POST,
            "/api/auth/change-password".into(),
            Some(json_body(&json!({"current_password": PASSWORD, "new_password": PASSWORD}))),
        ),
        (Method::DELETE, format!("/api/auth/users/{}", uuid::Uuid::now_v7()), None),
    ] {
        let answer = server.send(method.clone(), &path, "", &with, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        answer.expect_error(403, "AUTHORIZATION_ERROR");
    }
    // The key of an administrator needs the scope for it.
    for path in ["/api/auth/users", "/api/v1/audit", "/health/circuit-breakers"] {
        server.get_with(path, &key).await.expect(200);
    }
}

#[actix_web::test]
async fn live_keys_are_limited_to_a_hundred() {
    // The requests queue, so the last of them waits long for a connection.
    let server = Server::with(&["--db-connection-timeout", "30000"]).await;
    let admin = server.admin().await;
    let created =
        futures_util::future::join_all((0..110).map(|_| {
            let (server, admin) = (&server, &admin);
            async move {
                server.post(PATH, admin, &json!({"name": "k", "scopes": ["admin"]})).await.status
            }
        }));
    let statuses = created.await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 100, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 10);
    let first =
        server.get(&format!("{PATH}?limit=1"), &admin).await.json()["api_keys"][0]["id"].clone();
    // A revoked key frees its place.
    let rotate = format!("{PATH}/{}/rotate", first.as_str().unwrap());
    server.post(&rotate, &admin, &json!({})).await.expect(201);
    server
        .post(PATH, &admin, &json!({"name": "k", "scopes": ["admin"]}))
        .await
        .expect_error(409, "CONFLICT");
    server.delete(PATH, &admin).await.expect(200);
    server.post(PATH, &admin, &json!({"name": "k", "scopes": ["admin"]})).await.expect(201);
}

#[actix_web::test]
async fn invalid_key_requests_write_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let good =
        json!({"name": "ci", "description": "d", "scopes": ["metrics:read"], "expires_at": null});
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("name", Value::Null),
        ("description", json!("x".repeat(501))),
        ("description", json!("a\u{0}b")),
        ("scopes", json!([])),
        ("scopes", json!("metrics:read")),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("expires_at", json!("tomorrow")),
        ("user_id", json!("me")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = server.post(PATH, &admin, &body).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let mut unknown = good.clone();
    unknown["scopes"] = json!(["metrics:read", "metrics:delete"]);
    let answer = server.post(PATH, &admin, &unknown).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), ["scopes[1]"]);
    let (id, _) = server.create_key(&admin, &good).await;
    for bad in [
        json!({}),
        json!({"extend_days": 0}),
        json!({"extend_days": 3651}),
        json!({"name": ""}),
        json!({"scopes": []}),
    ] {
        server
            .patch(&format!("{PATH}/{id}"), &admin, &bad)
            .await
            .expect_error(400, "VALIDATION_ERROR");
    }
    server.delete(&format!("{PATH}/7"), &admin).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(server.get(PATH, &admin).await.json()["count"], 1);
}
