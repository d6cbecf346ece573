//! Registration, log-in, refresh and log-out.

use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, refresh_token, token};

/// Enables registration.
const OPEN: [&str; 2] = ["--registration-enabled", "true"];

fn registration(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
        "full_name": "Ada L."})
}

#[actix_web::test]
async fn user_registers_logs_in_and_reads_own_account() {
    let server = Server::with(&OPEN).await;
    let registered = server.post("/api/auth/register", "", &registration("Ada")).await.expect(201);
    assert_eq!(registered.header("cache-control"), "no-store");
    let body = registered.json();
    assert_eq!(body["user"]["role"], "viewer");
    assert_eq!(body["tokens"]["token_type"], "Bearer");
    assert_eq!(body["tokens"]["expires_in"], 900);
    assert!(body["tokens"]["token_id"].is_string());
    assert!(!registered.text.contains("argon2"));
    // By user name and by e-mail address, in any case.
    for name in ["ada", "ADA@EXAMPLE.COM"] {
        let me = server
            .get("/api/auth/me", &token(&server.login(name, PASSWORD).await.expect(200)))
            .await
            .expect(200);
        assert_eq!(me.json()["user"]["username"], "Ada");
        assert!(me.json()["user"]["last_login_at"].is_string());
    }
}

#[actix_web::test]
async fn invalid_registrations_are_refused() {
    let server = Server::with(&OPEN).await;
    server.post("/api/auth/register", "", &registration("ada")).await.expect(201);
    server.post("/api/auth/register", "", &registration("ADA")).await.expect_error(409, "CONFLICT");
    let mut same_mail = registration("other");
    same_mail["email"] = json!("Ada@Example.com");
    server.post("/api/auth/register", "", &same_mail).await.expect_error(409, "CONFLICT");
    for (field, value) in [
        ("username", json!("a b")),
        ("username", json!("ab")),
        ("email", json!("unknown")),
        ("password", json!("short")),
        ("password", json!("password1234")),
        ("password", json!("newuser is my name")),
        ("full_name", json!(" ")),
        ("full_name", json!("x".repeat(101))),
        ("role", json!("admin")),
    ] {
        let mut body = registration("newuser");
        body[field] = value;
        let answer = server
            .post("/api/auth/register", "", &body)
            .await
            .expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [field]);
    }
}

#[actix_web::test]
async fn disabled_registration_is_not_found() {
    let server = Server::start().await;
    let unknown = server
        .post("/api/auth/nothing", "", &json!({}))
        .await
        .expect_error(404, "NOT_FOUND")
        .json();
    // With any body: the response does not tell that registration exists.
    for body in [registration("ada"), json!({}), json!({"password": "x"})] {
        let answer = server
            .post("/api/auth/register", "", &body)
            .await
            .expect_error(404, "NOT_FOUND")
            .json();
        assert_eq!(answer["error"]["message"], unknown["error"]["message"]);
    }
    let garbage = Some(("text/plain", b"x".to_vec()));
    server
        .send(reqwest::Method::POST, "/api/auth/register", "", &[], garbage)
        .await
        .expect_error(404, "NOT_FOUND");
    let admin = server.admin().await;
    assert_eq!(server.get("/api/auth/users", &admin).await.expect(200).json()["count"], 1);
}

#[actix_web::test]
async fn failed_log_ins_are_indistinguishable() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "idle", "viewer").await;
    server
        .put(&format!("/api/auth/users/{id}"), &admin, &json!({"status": "inactive"}))
        .await
        .expect(200);
    let message = async |name: &str, password: &str| {
        let answer = server.login(name, password).await.expect_error(401, "AUTHENTICATION_ERROR");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        answer.json()["error"]["message"].clone()
    };
    let wrong = message("admin", "not the password at all").await;
    assert_eq!(message("unknown", PASSWORD).await, wrong);
    assert_eq!(message("idle", PASSWORD).await, wrong);
}

#[actix_web::test]
async fn refresh_token_is_exchanged_once() {
    let server = Server::start().await;
    let first = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let refresh = async |token: &str| {
        server.post("/api/auth/refresh", "", &json!({"refresh_token": token})).await
    };
    let second = refresh(&refresh_token(&first)).await.expect(200);
    assert_ne!(refresh_token(&first), refresh_token(&second));
    // The response was lost: the parent returns the same successor again.
    server.advance(9);
    assert_eq!(
        refresh_token(&refresh(&refresh_token(&first)).await.expect(200)),
        refresh_token(&second)
    );
    // Later it is reuse: the whole session ends, access tokens included.
    server.advance(3);
    server.get("/api/auth/me", &token(&second)).await.expect(200);
    refresh(&refresh_token(&first)).await.expect_error(401, "AUTHENTICATION_ERROR");
    refresh(&refresh_token(&second)).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get("/api/auth/me", &token(&second)).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert!(server.logs.text().contains("refresh token reuse detected"));
}

#[actix_web::test]
async fn only_the_parent_token_may_be_replayed() {
    let server = Server::start().await;
    let refresh = async |token: &str| {
        server.post("/api/auth/refresh", "", &json!({"refresh_token": token})).await
    };
    let first = refresh_token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    let second = refresh_token(&refresh(&first).await.expect(200));
    let third = refresh_token(&refresh(&second).await.expect(200));
    refresh(&first).await.expect_error(401, "AUTHENTICATION_ERROR");
    refresh(&third).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn tokens_expire() {
    let server = Server::start().await;
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    server.advance(895);
    server.get("/api/auth/me", &token(&tokens)).await.expect(200);
    server.advance(10);
    server.get("/api/auth/me", &token(&tokens)).await.expect_error(401, "TOKEN_EXPIRED");
    server.advance(7 * 24 * 3600);
    let late = json!({"refresh_token": refresh_token(&tokens)});
    server.post("/api/auth/refresh", "", &late).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn log_out_ends_one_session() {
    let server = Server::start().await;
    let (one, other) =
        (server.login("admin", ADMIN_PASSWORD).await, server.login("admin", ADMIN_PASSWORD).await);
    let body = json!({"refresh_token": refresh_token(&one)});
    server.post("/api/auth/logout", "", &body).await.expect(200);
    server.post("/api/auth/logout", "", &body).await.expect(200);
    server.post("/api/auth/refresh", "", &body).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get("/api/auth/me", &token(&one)).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.get("/api/auth/me", &token(&other)).await.expect(200);
    let not_ours = json!({"refresh_token": token(&other)});
    server.post("/api/auth/logout", "", &not_ours).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn password_change_ends_other_sessions() {
    let server = Server::start().await;
    let (mine, other) =
        (server.login("admin", ADMIN_PASSWORD).await, server.login("admin", ADMIN_PASSWORD).await);
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        server.post("/api/auth/change-password", &token(&mine), &body).await
    };
    change("not the password at all", "another good password")
        .await
        .expect_error(403, "WRONG_PASSWORD");
    let weak = change(ADMIN_PASSWORD, "short").await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(weak.fields(), ["new_password"]);
    change(ADMIN_PASSWORD, "another good password").await.expect(200);
    server.get("/api/auth/me", &token(&mine)).await.expect(200);
    server.get("/api/auth/me", &token(&other)).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.login("admin", ADMIN_PASSWORD).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.login("admin", "another good password").await.expect(200);
}

#[actix_web::test]
async fn foreign_credentials_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let with = async |headers: &[(&str, &str)]| {
        server.send(reqwest::Method::GET, "/api/auth/me", "", headers, None).await
    };
    let bearer = format!("Bearer {admin}");
    with(&[("authorization", &bearer)]).await.expect(200);
    with(&[("authorization", &bearer.replace("Bearer", "bearer"))]).await.expect(200);
    with(&[]).await.expect_error(401, "AUTHENTICATION_ERROR");
    with(&[("authorization", "Basic YWRtaW46eA==")])
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
    with(&[("authorization", "Bearer a.b.c")]).await.expect_error(401, "AUTHENTICATION_ERROR");
    with(&[("x-api-key", "mdl_nothing")]).await.expect_error(401, "INVALID_API_KEY");
    with(&[("authorization", &bearer), ("x-api-key", "mdl_x")])
        .await
        .expect_error(400, "VALIDATION_ERROR");
    with(&[("authorization", &bearer), ("authorization", &bearer)])
        .await
        .expect_error(400, "VALIDATION_ERROR");
}

#[actix_web::test]
async fn first_admin_is_created_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let users = server.get("/api/auth/users", &admin).await.expect(200).json();
    assert_eq!(users["count"], 1);
    let again =
        Server::on(&server.database_url, &["--admin-password", "quite another password"]).await;
    again.ready().await;
    again.login("admin", "quite another password").await.expect_error(401, "AUTHENTICATION_ERROR");
    again.login("admin", ADMIN_PASSWORD).await.expect(200);
}
