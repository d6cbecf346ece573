//! What a token family costs, how long it may live, and that reuse is detected without its old
//! rows.

use std::time::Instant;

use serde_json::json;

use crate::support::database::sql;
use crate::support::{ADMIN_PASSWORD, Answer, Server, refresh_token, token};

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/api/auth/refresh", "", &json!({"refresh_token": token})).await
}

async fn number(server: &Server, question: &str) -> i64 {
    sql(&server.database_url, question).await[0][0].parse().unwrap()
}

const ROWS: &str = "SELECT count(*) FROM sessions";
const EPOCH: &str = "SELECT epoch FROM authority_epochs";

#[actix_web::test]
async fn a_family_has_two_rows_however_often_it_is_rotated() {
    let server = Server::start().await;
    let mut last = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let first = refresh_token(&last);
    let epoch = number(&server, EPOCH).await;
    for _ in 0..20 {
        last = refresh(&server, &refresh_token(&last)).await.expect(200);
        assert_eq!(number(&server, ROWS).await, 2);
    }
    assert_eq!(number(&server, EPOCH).await, epoch, "a rotation ends nothing");
    // The first token's row is gone, but it names its family.
    refresh(&server, &first).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    server.get("/api/auth/me", &token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
    refresh(&server, &refresh_token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
    // Of a family that has ended, old tokens say nothing new.
    refresh(&server, &first).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    // Rows that have ended go with the next log-in.
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
    assert_eq!(number(&server, ROWS).await, 1);
}

#[actix_web::test]
async fn ending_35_000_rotations_changes_one_row_and_is_announced_once() {
    let server = Server::start().await;
    let last = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let ancestors = "INSERT INTO sessions (session_id, family_id, user_id, token_hash, created_at, expires_at, rotated_at, \
                     successor_id, family_started_at) \
                     SELECT gen_random_uuid(), family_id, user_id, encode(sha256(n::text::bytea), 'hex'), created_at, \
                     expires_at, created_at, gen_random_uuid(), family_started_at \
                     FROM sessions, generate_series(1, 35000) AS n";
    sql(&server.database_url, ancestors).await;
    let epoch = number(&server, EPOCH).await;
    let began = Instant::now();
    server
        .post("/api/auth/logout", "", &json!({"refresh_token": refresh_token(&last)}))
        .await
        .expect(200);
    println!("a family of 35,000 rotations ended in {:?}", began.elapsed());
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    assert_eq!(
        number(&server, "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL").await,
        1
    );
    server.get("/api/auth/me", &token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn ending_many_sessions_of_one_user_is_announced_once() {
    let server = Server::start().await;
    let mine = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let others = "INSERT INTO sessions (session_id, family_id, user_id, token_hash, created_at, expires_at, family_started_at) \
                  SELECT gen_random_uuid(), gen_random_uuid(), user_id, encode(sha256(n::text::bytea), 'hex'), created_at, \
                  expires_at, created_at FROM sessions, generate_series(1, 500) AS n";
    sql(&server.database_url, others).await;
    let listed = server.get("/api/auth/sessions", &token(&mine)).await.expect(200).json();
    assert_eq!(listed["count"], 100, "the list is bounded");
    let epoch = number(&server, EPOCH).await;
    let ended = server.delete("/api/auth/sessions", &token(&mine)).await.expect(200).json();
    assert_eq!(ended["count"], 500);
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
}

#[actix_web::test]
async fn no_token_outlives_the_maximum_age_of_its_session() {
    let server = Server::with(&["--session-max-age-days", "10"]).await;
    let mut last = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    // Three days each, less than a refresh token lives.
    for _ in 0..3 {
        server.advance(3 * 86_400);
        last = refresh(&server, &refresh_token(&last)).await.expect(200);
    }
    server.advance(86_400 - 300);
    last = refresh(&server, &refresh_token(&last)).await.expect(200);
    let lifetime = last.json()["tokens"]["expires_in"].as_i64().unwrap();
    assert!((1..=300).contains(&lifetime), "{lifetime}");
    server.get("/api/auth/me", &token(&last)).await.expect(200);
    server.advance(301);
    server.get("/api/auth/me", &token(&last)).await.expect(401);
    refresh(&server, &refresh_token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn a_token_of_an_older_version_is_exchanged_and_an_unknown_one_ends_nothing() {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let server = Server::start().await;
    let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let rows = sql(&server.database_url, "SELECT session_id, user_id FROM sessions").await;
    let issued = server.clock.now().timestamp();
    let old = |jti: &str| {
        let claims = json!({"jti": jti, "sub": rows[0][1], "iss": "mdl-api", "aud": "mdl-client", "type": "refresh",
                            "iat": issued, "nbf": issued, "exp": issued + 600});
        let key = EncodingKey::from_secret(b"only-for-tests-0123456789abcdef-refresh");
        encode(&Header::default(), &claims, &key).unwrap()
    };
    // Validly signed, but its row is gone and it names no family.
    refresh(&server, &old(&uuid::Uuid::now_v7().to_string()))
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
    server.get("/api/auth/me", &token(&login)).await.expect(200);
    let present = old(&rows[0][0]);
    let stored = format!("UPDATE sessions SET token_hash = encode(sha256('{present}'), 'hex')");
    sql(&server.database_url, &stored).await;
    let next = refresh(&server, &present).await.expect(200);
    refresh(&server, &refresh_token(&next)).await.expect(200);
}
