//! What a suspension or a changed e-mail address revokes, and that it does not affect the first
//! administrator.

use serde_json::json;

use crate::support::database::{self, sql};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const METRICS: &str = "/api/v1/metrics";

async fn request_reset(server: &Server, token: &str) {
    let row = format!(
        "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) \
         SELECT encode(sha256('{token}'), 'hex'), user_id, now(), now() + interval '30 minutes' \
         FROM users \
         WHERE username = 'eva'"
    );
    sql(&server.database_url, &row).await;
}

#[actix_web::test]
async fn suspension_revokes_keys_for_good_unless_they_are_kept() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, eva) = server.user(&admin, "eva", "editor").await;
    let user = format!("/api/auth/users/{id}");
    let (key_id, key) = server.key(&eva, &["metrics:read"]).await;
    let set = async |body: serde_json::Value| {
        server.put(&user, &admin, &body).await.expect(200);
    };
    set(json!({"status": "suspended", "keep_api_keys": true})).await;
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    // Another change of a suspended user revokes nothing more.
    set(json!({"full_name": "Eva E."})).await;
    set(json!({"status": "active"})).await;
    server.get_with(METRICS, &key).await.expect(200);
    set(json!({"status": "inactive"})).await;
    set(json!({"status": "active"})).await;
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    let log = server
        .get(&format!("/api/v1/audit?target={key_id}&action=api_key.revoked"), &admin)
        .await
        .json();
    assert_eq!(log["pagination"]["total"], 1);
}

#[actix_web::test]
async fn changed_email_or_status_voids_reset_tokens() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "eva", "editor").await;
    let user = format!("/api/auth/users/{id}");
    let confirm = async |token: &str| {
        let body = json!({"token": token, "new_password": "another good password"});
        server.post("/api/auth/password-reset/confirm", "", &body).await
    };
    request_reset(&server, "before-the-address").await;
    server.put(&user, &admin, &json!({"email": "moved@example.com"})).await.expect(200);
    confirm("before-the-address").await.expect_error(401, "AUTHENTICATION_ERROR");
    request_reset(&server, "before-the-status").await;
    server.put(&user, &admin, &json!({"status": "suspended"})).await.expect(200);
    server.put(&user, &admin, &json!({"status": "active"})).await.expect(200);
    confirm("before-the-status").await.expect_error(401, "AUTHENTICATION_ERROR");
    server.login("eva", PASSWORD).await.expect(200);
    // A change of neither field voids nothing.
    request_reset(&server, "good").await;
    server.put(&user, &admin, &json!({"full_name": "Eva E."})).await.expect(200);
    confirm("good").await.expect(200);
}

#[actix_web::test]
async fn earlier_user_does_not_prevent_first_admin() {
    let url = database::fresh().await;
    sql(
        &url,
        "INSERT INTO users (user_id, username, email, full_name, password_hash, role, status, \
         created_at, updated_at) \
         VALUES (gen_random_uuid(), 'early', 'early@example.com', 'Early', 'x', 'viewer', \
         'active', now(), now())",
    )
    .await;
    let replicas = futures_util::future::join_all((0..3).map(|_| Server::on(&url, &[]))).await;
    for server in &replicas {
        server.ready().await;
    }
    let admin = replicas[0].admin().await;
    let users = replicas[0].get("/api/auth/users", &admin).await.expect(200).json();
    assert_eq!(users["count"], 2, "one administrator, although another user was first");
    replicas[2].login("admin", ADMIN_PASSWORD).await.expect(200);
}
