//! Failed password attempts count by address, by account, and by both. An address from which the
//! account was recently used is not locked out by other addresses, and no response tells whether a
//! name exists.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::database::{self, sql};
use crate::support::{ADMIN_PASSWORD, Answer, PASSWORD, Server, json_body, refresh_token, token};

const ON: [&str; 8] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-general-max",
    "100000",
    "--rate-limit-burst-per-second",
    "100000",
    "--trusted-proxies",
    "127.0.0.1/32",
];
const OFFICE: &str = "203.0.113.7";
const WRONG: &str = "a wrong password";

async fn post_from(
    server: &Server,
    address: &str,
    path: &str,
    token: &str,
    body: &serde_json::Value,
) -> Answer {
    server
        .send(Method::POST, path, token, &[("x-forwarded-for", address)], Some(json_body(body)))
        .await
}

async fn login_from(server: &Server, address: &str, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    post_from(server, address, "/api/auth/login", "", &body).await
}

/// Creates a user who has logged in from the office once.
async fn alice(options: &[&str]) -> Server {
    let server = Server::with(&[&ON[..], options].concat()).await;
    let admin = server.admin().await;
    let body = json!({"username": "alice", "email": "alice@example.com", "password": PASSWORD,
        "full_name": "A",
                      "role": "viewer"});
    server.post("/api/auth/users", &admin, &body).await.expect(201);
    login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200);
    server
}

/// Makes exactly so many attempts that fail; asserts that the next one is limited.
async fn assert_exact_limit(server: &Server, address: &str, name: &str, most: usize) {
    for _ in 0..most {
        login_from(server, address, name, WRONG).await.expect_error(401, "AUTHENTICATION_ERROR");
    }
    let refused = login_from(server, address, name, WRONG)
        .await
        .expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    assert!(
        refused.header("ratelimit-policy").contains("\"auth\";"),
        "{}",
        refused.header("ratelimit-policy")
    );
}

#[actix_web::test]
async fn failures_from_other_addresses_do_not_lock_out_the_owner() {
    let server = &alice(&[]).await;
    for batch in 0..5 {
        let from_elsewhere = |number: usize| async move {
            let name = if number.is_multiple_of(2) { "alice" } else { "Alice@Example.com" };
            assert_exact_limit(server, &format!("198.51.{batch}.{number}"), name, 5).await;
        };
        join_all((0..10).map(from_elsewhere)).await;
    }
    // Five failures from each of fifty addresses use up what the account allows to unknown
    // addresses.
    let refused = login_from(server, "198.51.9.9", "alice", WRONG)
        .await
        .expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"auth\";q=250;w=900"));
    login_from(server, "198.51.9.9", "alice@example.com", PASSWORD).await.expect(429);
    login_from(server, OFFICE, "alice", WRONG).await.expect(401);
    login_from(server, OFFICE, "ALICE@example.com", PASSWORD).await.expect(200);
    // Another account is not affected.
    login_from(server, "198.51.9.9", "bob", WRONG).await.expect(401);
}

#[actix_web::test]
async fn failures_of_other_accounts_at_the_address_do_not_lock_out_the_owner() {
    let server = alice(&[]).await;
    assert_exact_limit(&server, OFFICE, "unknown", 5).await;
    login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200);
    login_from(&server, OFFICE, "alice@example.com", PASSWORD).await.expect(200);
    // There only failures of the account from this address count.
    for _ in 0..5 {
        login_from(&server, OFFICE, "alice", WRONG).await.expect(401);
    }
    login_from(&server, OFFICE, "alice@example.com", PASSWORD).await.expect(429);
    login_from(&server, OFFICE, "admin", ADMIN_PASSWORD).await.expect(429);
    server.advance(901);
    login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn success_clears_only_failures_of_account_and_address() {
    let server = alice(&[]).await;
    for _ in 0..3 {
        for _ in 0..4 {
            login_from(&server, OFFICE, "alice", WRONG).await.expect(401);
        }
        login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200);
    }
    // The failures of the address are kept.
    login_from(&server, OFFICE, "admin", ADMIN_PASSWORD).await.expect(429);
    // An unknown address: four failures and a success leave one hit.
    for _ in 0..4 {
        login_from(&server, "198.51.100.1", "admin", WRONG).await.expect(401);
    }
    login_from(&server, "198.51.100.1", "admin", ADMIN_PASSWORD).await.expect(200);
    login_from(&server, "198.51.100.1", "bob", WRONG).await.expect(401);
    login_from(&server, "198.51.100.1", "bob", WRONG).await.expect(429);
}

#[actix_web::test]
async fn success_on_another_process_clears_local_failures() {
    let first = alice(&[]).await;
    let second = Server::on(&first.database_url, &ON).await;
    second.ready().await;
    for _ in 0..4 {
        login_from(&first, OFFICE, "alice", WRONG).await.expect(401);
    }
    login_from(&second, OFFICE, "alice", PASSWORD).await.expect(200);
    assert_exact_limit(&first, OFFICE, "alice", 5).await;
    login_from(&second, OFFICE, "alice", PASSWORD).await.expect(429);
}

#[actix_web::test]
async fn address_stays_known_for_thirty_days() {
    let server = alice(&[]).await;
    let home = "192.0.2.1";
    let tokens = login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200);
    let body = json!({"refresh_token": refresh_token(&tokens)});
    post_from(&server, home, "/api/auth/refresh", "", &body).await.expect(200);
    for address in [OFFICE, home] {
        assert_exact_limit(&server, address, "unknown", 5).await;
        login_from(&server, address, "alice", PASSWORD).await.expect(200);
    }
    server.advance(30 * 86_400 + 4000);
    assert_exact_limit(&server, OFFICE, "unknown", 5).await;
    login_from(&server, OFFICE, "alice", PASSWORD).await.expect(429);
    // At most the latest twenty are kept.
    for number in 0..25 {
        login_from(&server, &format!("198.51.100.{number}"), "alice", PASSWORD).await.expect(200);
        server.advance(1);
    }
    let known = "SELECT count(*), min(address), bool_or(address = '198.51.100.24') FROM \
                 known_addresses AS k \
                 JOIN users USING (user_id) WHERE username = 'alice'";
    assert_eq!(sql(&server.database_url, known).await[0], ["20", "198.51.100.10", "t"]);
}

/// Returns all observable parts of a response except ids and times.
fn observable(answer: &Answer) -> String {
    let mut headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|header| !["date", "x-request-id"].iter().any(|name| header.starts_with(name)));
    headers.sort();
    let mut body = answer.json();
    for field in ["requestId", "timestamp"] {
        body[field].take();
    }
    body["error"]["retryAfter"].take();
    let text = format!("{} {headers:?} {body}", answer.status);
    // Seconds may pass between two answers.
    let seconds =
        |word: &str| word.contains("t=") || word.contains("retry-after") || word.contains("reset");
    text.split(';').filter(|part| !seconds(part)).collect()
}

/// Counts the statements of log-ins: lookups and hits, without those of background tasks.
async fn statements(server: &Server) -> i64 {
    let counted = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE (query LIKE \
                   '%rate_limit_hits%' \
                   OR query LIKE '%known_addresses%' OR query LIKE '%hashtextextended(subject, $%' \
                   OR query LIKE '%FROM \"users\"%') AND query NOT LIKE '%pg_stat_statements%' \
                   AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sql(&server.database_url, counted).await[0][0].parse().unwrap()
}

#[actix_web::test]
async fn responses_do_not_reveal_whether_a_name_exists() {
    let server = alice(&[]).await;
    server.warm(4).await;
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let mut sequences = Vec::new();
    for (number, name) in
        ["alice", "unknown", "alice@example.com", "unknown@example.com"].iter().enumerate()
    {
        let before = statements(&server).await;
        let mut sequence = Vec::new();
        for _ in 0..7 {
            let answer = login_from(&server, &format!("198.51.100.{number}"), name, WRONG).await;
            sequence.push(observable(&answer));
        }
        sequences.push((sequence, statements(&server).await - before));
    }
    for other in &sequences[1..] {
        assert_eq!(other, &sequences[0]);
    }
    assert!(sequences[0].0[4].starts_with("401") && sequences[0].0[5].starts_with("429"));
}

#[actix_web::test]
async fn refused_log_in_costs_no_statement() {
    let server = alice(&[]).await;
    assert_exact_limit(&server, "198.51.100.1", "alice", 5).await;
    assert_exact_limit(&server, OFFICE, "alice", 5).await;
    // An exhausted address has one lookup of another name in ten seconds.
    login_from(&server, "198.51.100.1", "another", WRONG).await.expect(429);
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = statements(&server).await;
    for _ in 0..20 {
        login_from(&server, "198.51.100.1", "alice", PASSWORD).await.expect(429);
        login_from(&server, "198.51.100.1", "another", WRONG).await.expect(429);
        // Also from a known address.
        login_from(&server, OFFICE, "alice", PASSWORD).await.expect(429);
    }
    assert_eq!(statements(&server).await, before);
    // An attempt from elsewhere is counted, so the test can fail.
    login_from(&server, "198.51.100.2", "alice", WRONG).await.expect(401);
    assert!(statements(&server).await > before);
}

#[actix_web::test]
async fn concurrent_wrong_log_ins_from_known_address_are_limited_to_five() {
    let server = alice(&["--db-connection-timeout", "30000"]).await;
    let answers = join_all((0..100).map(|_| login_from(&server, OFFICE, "alice", WRONG))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(401), count(429)), (5, 95));
}

#[actix_web::test]
async fn outage_during_lookup_refunds_the_hit() {
    let server = alice(&[]).await;
    // The lookup fails ten times.
    sql(&server.database_url, "ALTER TABLE known_addresses RENAME TO hidden").await;
    for _ in 0..10 {
        assert!(login_from(&server, "198.51.100.1", "alice", WRONG).await.status >= 500);
    }
    sql(&server.database_url, "ALTER TABLE hidden RENAME TO known_addresses").await;
    assert_exact_limit(&server, "198.51.100.1", "alice", 5).await;
    let hits = "SELECT count(DISTINCT hit_id) = 5 FROM rate_limit_hits WHERE subject LIKE 'auth%'";
    database::until(&server.database_url, hits).await;
}

#[actix_web::test]
async fn change_password_counts_wrong_current_passwords() {
    let server = alice(&[]).await;
    let path = "/api/auth/change-password";
    let access = token(&login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200));
    let change =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let elsewhere = "198.51.100.1";
    // An invalid request is no attempt.
    post_from(&server, elsewhere, path, &access, &change(WRONG, "short")).await.expect(400);
    let second = "another good password";
    for _ in 0..5 {
        let refused = post_from(&server, elsewhere, path, &access, &change(WRONG, second)).await;
        refused.expect_error(403, "WRONG_PASSWORD");
    }
    let refused = post_from(&server, elsewhere, path, &access, &change(PASSWORD, second)).await;
    refused.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    // Log-ins share this limit.
    login_from(&server, elsewhere, "alice", PASSWORD).await.expect(429);
    for _ in 0..4 {
        post_from(&server, OFFICE, path, &access, &change(WRONG, second)).await.expect(403);
    }
    login_from(&server, OFFICE, "alice@example.com", WRONG).await.expect(401);
    post_from(&server, OFFICE, path, &access, &change(PASSWORD, second)).await.expect(429);
    server.advance(901);
    let access = token(&login_from(&server, OFFICE, "alice", PASSWORD).await.expect(200));
    post_from(&server, OFFICE, path, &access, &change(PASSWORD, second)).await.expect(200);
}

#[actix_web::test]
async fn key_rotation_counts_as_key_creation() {
    let server = Server::with(&ON).await;
    let admin = server.admin().await;
    let (mut id, _) = server.key(&admin, &["metrics:read"]).await;
    for _ in 0..9 {
        let rotated = server
            .post(&format!("/api/auth/api-keys/{id}/rotate"), &admin, &json!({}))
            .await
            .expect(201);
        (id, _) = crate::support::key_in(&rotated);
    }
    let path = format!("/api/auth/api-keys/{id}/rotate");
    let refused =
        server.post(&path, &admin, &json!({})).await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"api_key\";q=10;w=3600"));
    let body = json!({"name": "k", "scopes": ["metrics:read"]});
    server.post("/api/auth/api-keys", &admin, &body).await.expect(429);
    // Failures use no quota.
    server.advance(3601);
    let admin = server.admin().await;
    for _ in 0..12 {
        let unknown = format!("/api/auth/api-keys/{}/rotate", uuid::Uuid::now_v7());
        server.post(&unknown, &admin, &json!({})).await.expect_error(404, "API_KEY_NOT_FOUND");
    }
    server.post(&path, &admin, &json!({})).await.expect(201);
}
