//! Token families: their size, the cost of ending them, their maximum age, and reuse detection
//! after old rows were deleted.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::database::sql;
use crate::support::notifications::Listener;
use crate::support::{ADMIN_PASSWORD, Answer, Server, refresh_token, token};

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/api/auth/refresh", "", &json!({"refresh_token": token})).await
}

async fn number(server: &Server, question: &str) -> i64 {
    sql(&server.database_url, question).await[0][0].parse().unwrap()
}

const ROWS: &str = "SELECT count(*) FROM sessions";
const EPOCH: &str = "SELECT epoch FROM authority_epochs";
/// How many families of 35,000 rotations are timed.
const FAMILIES: usize = 5;

#[actix_web::test]
async fn rotated_family_has_at_most_two_rows() {
    let server = Server::start().await;
    let mut last = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let first = refresh_token(&last);
    let epoch = number(&server, EPOCH).await;
    for _ in 0..20 {
        last = refresh(&server, &refresh_token(&last)).await.expect(200);
        assert_eq!(number(&server, ROWS).await, 2);
    }
    assert_eq!(number(&server, EPOCH).await, epoch, "a rotation ends nothing");
    // The row of the first token was deleted, but the token names its family.
    refresh(&server, &first).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    server.get("/api/auth/me", &token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
    refresh(&server, &refresh_token(&last)).await.expect_error(401, "AUTHENTICATION_ERROR");
    // Reuse in a family that has ended changes nothing.
    refresh(&server, &first).await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    // The next log-in deletes ended rows.
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
    assert_eq!(number(&server, ROWS).await, 1);
}

#[actix_web::test]
async fn family_of_35_000_rotations_ends_within_50_ms_with_one_notification() {
    let server = Server::start().await;
    let mut logins = Vec::new();
    for _ in 0..FAMILIES {
        logins.push(server.login("admin", ADMIN_PASSWORD).await.expect(200));
    }
    let ancestors = "INSERT INTO sessions (session_id, family_id, user_id, token_hash, created_at, \
                     expires_at, rotated_at, successor_id, family_started_at) \
                     SELECT gen_random_uuid(), family_id, user_id, \
                     encode(sha256((session_id::text || n)::bytea), 'hex'), created_at, \
                     expires_at, created_at, gen_random_uuid(), family_started_at \
                     FROM sessions, generate_series(1, 35000) AS n";
    sql(&server.database_url, ancestors).await;
    let mut announced = Listener::start(&server.database_url, "mdl_authority").await;
    let mut times = Vec::new();
    for (ended, login) in logins.iter().enumerate() {
        let epoch = number(&server, EPOCH).await;
        let body = json!({"refresh_token": refresh_token(login)});
        let began = Instant::now();
        server.post("/api/auth/logout", "", &body).await.expect(200);
        times.push(began.elapsed());
        assert_eq!(number(&server, EPOCH).await, epoch + 1);
        assert_eq!(announced.count().await, 1);
        let revoked = "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL";
        assert_eq!(
            number(&server, revoked).await,
            i64::try_from(ended).unwrap() + 1,
            "one row for each family"
        );
        server.get("/api/auth/me", &token(login)).await.expect_error(401, "AUTHENTICATION_ERROR");
    }
    times.sort_unstable();
    println!("families of 35,000 rotations ended in {times:?}");
    // The median, because one request may wait for the tests that run beside this one.
    assert!(times[FAMILIES / 2] < Duration::from_millis(50), "{times:?}");
}

#[actix_web::test]
async fn ending_many_sessions_sends_one_notification() {
    let server = Server::start().await;
    let mine = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let others = "INSERT INTO sessions (session_id, family_id, user_id, token_hash, created_at, \
                  expires_at, family_started_at) \
                  SELECT gen_random_uuid(), gen_random_uuid(), user_id, \
                  encode(sha256(n::text::bytea), 'hex'), created_at, \
                  expires_at, created_at FROM sessions, generate_series(1, 500) AS n";
    sql(&server.database_url, others).await;
    let listed = server.get("/api/auth/sessions", &token(&mine)).await.expect(200).json();
    assert_eq!(listed["count"], 100, "the list is bounded");
    let epoch = number(&server, EPOCH).await;
    let mut announced = Listener::start(&server.database_url, "mdl_authority").await;
    let ended = server.delete("/api/auth/sessions", &token(&mine)).await.expect(200).json();
    assert_eq!(ended["count"], 500);
    assert_eq!(number(&server, EPOCH).await, epoch + 1);
    assert_eq!(announced.count().await, 1);
}

#[actix_web::test]
async fn tokens_end_with_the_maximum_session_age() {
    let server = Server::with(&["--session-max-age-days", "10"]).await;
    let mut last = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    // Three days each, less than the lifetime of a refresh token.
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
async fn refresh_token_without_family_is_accepted_only_if_stored() {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let server = Server::start().await;
    let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let rows = sql(&server.database_url, "SELECT session_id, user_id FROM sessions").await;
    let issued = server.clock.now().timestamp();
    let old = |jti: &str| {
        let claims = json!({"jti": jti, "sub": rows[0][1], "iss": "mdl-api", "aud": "mdl-client",
            "type": "refresh",
                            "iat": issued, "nbf": issued, "exp": issued + 600});
        let key = EncodingKey::from_secret(b"only-for-tests-0123456789abcdef-refresh");
        encode(&Header::default(), &claims, &key).unwrap()
    };
    // Validly signed, but its row was deleted and it names no family.
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
