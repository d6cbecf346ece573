//! User management by administrators.

use serde_json::json;

use crate::support::{PASSWORD, Server, token};

#[actix_web::test]
async fn admin_manages_users() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"username": "eve", "email": "eve@example.com", "password": PASSWORD,
        "full_name": "Eve",
                      "role": "editor", "metadata": {"team": {"a": [1]}}});
    let created = server.post("/api/auth/users", &admin, &body).await.expect(201);
    let path = created.header("location").to_owned();
    assert_eq!(created.json()["user"]["metadata"], json!({"team": {"a": [1]}}));
    server.post("/api/auth/users", &admin, &body).await.expect_error(409, "CONFLICT");
    let listed = server.get("/api/auth/users?limit=1", &admin).await.expect(200);
    assert_eq!(listed.json()["count"], 1);
    assert_eq!(listed.header("x-total-count"), "2");
    let changed = server
        .put(&path, &admin, &json!({"full_name": "Eva", "email": "eva@example.com"}))
        .await
        .expect(200);
    assert_eq!(changed.json()["user"]["full_name"], "Eva");
    assert_eq!(changed.json()["user"]["role"], "editor");
    assert_eq!(server.get(&path, &admin).await.expect(200).json()["user"], changed.json()["user"]);
    server.put(&path, &admin, &json!({"username": "ADMIN"})).await.expect_error(409, "CONFLICT");
    server.put(&path, &admin, &json!({"role": null})).await.expect_error(400, "VALIDATION_ERROR");
    server
        .put(&path, &admin, &json!({"password": "x"}))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    server.delete(&path, &admin).await.expect(200);
    server.get(&path, &admin).await.expect_error(404, "NOT_FOUND");
    server.delete(&path, &admin).await.expect_error(404, "NOT_FOUND");
    server.get("/api/auth/users/not-a-uuid", &admin).await.expect_error(400, "VALIDATION_ERROR");
}

#[actix_web::test]
async fn other_roles_read_only_their_own_account() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva, eva_token) = server.user(&admin, "eva", "editor").await;
    let (kim, _) = server.user(&admin, "kim", "viewer").await;
    server.get(&format!("/api/auth/users/{eva}"), &eva_token).await.expect(200);
    server
        .get(&format!("/api/auth/users/{kim}"), &eva_token)
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/api/auth/users", &eva_token).await.expect_error(403, "AUTHORIZATION_ERROR");
    server
        .put(&format!("/api/auth/users/{eva}"), &eva_token, &json!({"role": "admin"}))
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    server
        .delete(&format!("/api/auth/users/{kim}"), &eva_token)
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    // The role is checked before the body, so that other callers learn nothing from violations.
    server
        .post("/api/auth/users", &eva_token, &json!({"no": "body"}))
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    server
        .post("/api/auth/users", "", &json!({"no": "body"}))
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn demotion_and_suspension_act_immediately() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (id, editor) = server.user(&admin, "eva", "editor").await;
    let path = format!("/api/auth/users/{id}");
    server.put("/api/v1/domains/d1", &editor, &json!({"color": "red"})).await.expect(200);
    server.put(&path, &admin, &json!({"role": "viewer"})).await.expect(200);
    server
        .put("/api/v1/domains/d1", &editor, &json!({"color": "blue"}))
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/api/v1/domains/d1", &editor).await.expect(200);
    server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
    server.get("/api/v1/domains/d1", &editor).await.expect_error(401, "AUTHENTICATION_ERROR");
    // A reactivated user has to log in again.
    server.put(&path, &admin, &json!({"status": "active"})).await.expect(200);
    server.get("/api/v1/domains/d1", &editor).await.expect_error(401, "AUTHENTICATION_ERROR");
    let back = token(&server.login("eva", PASSWORD).await.expect(200));
    server.delete(&path, &admin).await.expect(200);
    server.get("/api/v1/domains/d1", &back).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn last_active_admin_cannot_be_removed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let me = server.get("/api/auth/me", &admin).await.json()["user"]["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/auth/users/{me}");
    for change in [json!({"role": "editor"}), json!({"status": "suspended"})] {
        server.put(&path, &admin, &change).await.expect_error(409, "CONFLICT");
    }
    server.delete(&path, &admin).await.expect_error(409, "CONFLICT");
    let (second, second_token) = server.user(&admin, "second", "admin").await;
    server
        .put(&format!("/api/auth/users/{second}"), &admin, &json!({"status": "suspended"}))
        .await
        .expect(200);
    server.delete(&path, &admin).await.expect_error(409, "CONFLICT");
    server
        .put(&format!("/api/auth/users/{second}"), &admin, &json!({"status": "active"}))
        .await
        .expect(200);
    server.delete(&path, &admin).await.expect(200);
    server.get("/api/auth/me", &second_token).await.expect_error(401, "AUTHENTICATION_ERROR");
}
