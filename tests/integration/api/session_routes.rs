//! Routes that list and end the caller's own sessions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, Answer, PASSWORD, Server, json_body, refresh_token, token};

const SESSIONS: &str = "/api/auth/sessions";

async fn login_as(server: &Server, agent: &str) -> Answer {
    let body = Some(json_body(&json!({"username": "eva", "password": PASSWORD})));
    server
        .send(Method::POST, "/api/auth/login", "", &[("user-agent", agent)], body)
        .await
        .expect(200)
}

async fn listed(server: &Server, token: &str) -> Vec<Value> {
    let body = server.get(SESSIONS, token).await.expect(200).json();
    let sessions = body["sessions"].as_array().unwrap().clone();
    assert_eq!(
        (body["success"].clone(), body["count"].clone()),
        (json!(true), json!(sessions.len()))
    );
    sessions
}

fn current(sessions: &[Value]) -> &Value {
    let mut found = sessions.iter().filter(|session| session["current"] == true);
    let one = found.next().unwrap();
    assert!(found.next().is_none());
    one
}

#[actix_web::test]
async fn sessions_are_listed_with_their_client() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "viewer").await;
    let phone = login_as(&server, &format!("phone\t{}", "x".repeat(300))).await;
    server.advance(60);
    let laptop = login_as(&server, "laptop").await;
    let sessions = listed(&server, &token(&laptop)).await;
    assert_eq!(sessions.len(), 3);
    let mine = current(&sessions);
    assert_eq!((&mine["user_agent"], &mine["address"]), (&json!("laptop"), &json!("127.0.0.1")));
    assert_eq!(mine, &sessions[0], "last used first");
    let other = current(&listed(&server, &token(&phone)).await).clone();
    let agent = other["user_agent"].as_str().unwrap();
    assert!(agent.starts_with("phonexxx") && agent.chars().count() == 200, "{agent}");
    assert_eq!(other["created_at"], other["last_used_at"]);
    // A refresh keeps id and start, and updates the rest.
    server.advance(60);
    let body = Some(json_body(&json!({"refresh_token": refresh_token(&phone)})));
    let refreshed = server
        .send(Method::POST, "/api/auth/refresh", "", &[("user-agent", "new")], body)
        .await
        .expect(200);
    let moved = current(&listed(&server, &token(&refreshed)).await).clone();
    for field in ["id", "created_at"] {
        assert_eq!(moved[field], other[field]);
    }
    assert_eq!(moved["user_agent"], "new");
    assert!(moved["last_used_at"].as_str() > other["last_used_at"].as_str());
    assert!(moved["expires_at"].as_str() > other["expires_at"].as_str());
    // Sessions of other users and ended ones are not listed.
    assert_eq!(listed(&server, &server.admin().await).await.len(), 2);
    server
        .post("/api/auth/logout", "", &json!({"refresh_token": refresh_token(&laptop)}))
        .await
        .expect(200);
    assert_eq!(listed(&server, &token(&refreshed)).await.len(), 2);
}

#[actix_web::test]
async fn session_is_ended_only_by_its_user() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "viewer").await;
    let (phone, laptop) = (login_as(&server, "phone").await, login_as(&server, "laptop").await);
    let id = current(&listed(&server, &token(&phone)).await)["id"].as_str().unwrap().to_owned();
    let path = format!("{SESSIONS}/{id}");
    let foreign = server.delete(&path, &admin).await.expect_error(404, "NOT_FOUND");
    assert_eq!(foreign.json()["error"]["message"], "Session not found");
    server.get("/api/auth/me", &token(&phone)).await.expect(200);
    server.delete(&path, &token(&laptop)).await.expect(200);
    server.get("/api/auth/me", &token(&phone)).await.expect_error(401, "AUTHENTICATION_ERROR");
    let refresh = json!({"refresh_token": refresh_token(&phone)});
    server.post("/api/auth/refresh", "", &refresh).await.expect_error(401, "AUTHENTICATION_ERROR");
    server.delete(&path, &token(&laptop)).await.expect_error(404, "NOT_FOUND");
    server
        .delete(&format!("{SESSIONS}/x"), &token(&laptop))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    // Also the current one.
    let own = current(&listed(&server, &token(&laptop)).await)["id"].as_str().unwrap().to_owned();
    server.delete(&format!("{SESSIONS}/{own}"), &token(&laptop)).await.expect(200);
    server.get("/api/auth/me", &token(&laptop)).await.expect_error(401, "AUTHENTICATION_ERROR");
    let log = server.get("/api/v1/audit?action=session.ended", &admin).await.expect(200).json();
    assert!(log["pagination"]["total"].as_i64().unwrap() >= 2, "{log}");
}

#[actix_web::test]
async fn other_sessions_are_ended() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "viewer").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(login_as(&server, "other").await);
    }
    let mine = login_as(&server, "mine").await;
    let (_, key) = server.key(&token(&mine), &["metrics:read"]).await;
    let ended = server.delete(SESSIONS, &token(&mine)).await.expect(200).json();
    assert_eq!((&ended["success"], &ended["count"]), (&json!(true), &json!(4)), "{ended}");
    for other in &others {
        server.get("/api/auth/me", &token(other)).await.expect_error(401, "AUTHENTICATION_ERROR");
        let refresh = json!({"refresh_token": refresh_token(other)});
        server
            .post("/api/auth/refresh", "", &refresh)
            .await
            .expect_error(401, "AUTHENTICATION_ERROR");
    }
    server.get("/api/auth/me", &token(&mine)).await.expect(200);
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    assert_eq!(server.delete(SESSIONS, &token(&mine)).await.expect(200).json()["count"], 0);
    assert_eq!(listed(&server, &token(&mine)).await.len(), 1);
}

#[actix_web::test]
async fn api_keys_cannot_manage_sessions() {
    let server = Server::start().await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    let (_, key) = server.key(&admin, &["admin"]).await;
    let with = [("x-api-key", key.as_str())];
    for (method, path) in [
        (Method::GET, SESSIONS.to_owned()),
        (Method::DELETE, SESSIONS.to_owned()),
        (Method::DELETE, format!("{SESSIONS}/{}", uuid::Uuid::now_v7())),
    ] {
        server
            .send(method.clone(), &path, "", &with, None)
            .await
            .expect_error(403, "AUTHORIZATION_ERROR");
        server.send(method, &path, "", &[], None).await.expect_error(401, "AUTHENTICATION_ERROR");
    }
}
