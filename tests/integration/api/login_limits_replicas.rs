//! Limits of failed log-ins on a second process, which has not seen the attempts itself: refused
//! log-ins cost no statement there either, and an exhausted address does not lock the owner out.

use reqwest::Method;
use serde_json::json;

use crate::support::database::sql;
use crate::support::{Answer, PASSWORD, Server, json_body};

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

async fn login_from(server: &Server, address: &str, name: &str, password: &str) -> Answer {
    let body = json_body(&json!({"username": name, "password": password}));
    let headers = [("x-forwarded-for", address)];
    server.send(Method::POST, "/api/auth/login", "", &headers, Some(body)).await
}

/// Two servers on one database, and a user who has logged in from the office on the first.
async fn replicas() -> (Server, Server) {
    let first = Server::with(&ON).await;
    let admin = first.admin().await;
    first.user(&admin, "alice", "viewer").await;
    login_from(&first, OFFICE, "alice", PASSWORD).await.expect(200);
    let second = Server::on(&first.database_url, &ON).await;
    second.ready().await;
    (first, second)
}

/// Lookups and counts of log-ins that the database has executed.
async fn statements(server: &Server) -> i64 {
    let counted = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements \
                   WHERE (query LIKE '%rate_limit_hits%' OR query LIKE '%known_addresses%' \
                   OR query LIKE '%hashtextextended(subject, $%' OR query LIKE '%FROM \"users\"%') \
                   AND query NOT LIKE '%pg_stat_statements%' \
                   AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sql(&server.database_url, counted).await[0][0].parse().unwrap()
}

#[actix_web::test]
async fn refused_log_in_costs_no_statement_on_a_second_server() {
    let (first, second) = replicas().await;
    for _ in 0..5 {
        login_from(&first, "198.51.100.1", "alice", WRONG).await.expect(401);
    }
    sql(&first.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = statements(&second).await;
    login_from(&second, "198.51.100.1", "alice", PASSWORD).await.expect(429);
    let once = statements(&second).await - before;
    assert!(once > 0, "the second server knows the hits without a lookup");
    let before = before + once;
    for _ in 0..5 {
        let refused = login_from(&second, "198.51.100.1", "alice", PASSWORD).await;
        let refused = refused.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        assert!((600..=900).contains(&wait), "{wait}");
    }
    // The database is asked again after 10 s, which a slow machine may take for this test.
    let made = statements(&second).await - before;
    assert!(made <= once, "{made} statements, {once} for one lookup");
    second.advance(901);
    login_from(&second, "198.51.100.1", "alice", PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn exhausted_address_does_not_lock_the_owner_out_on_a_second_server() {
    let (_first, second) = replicas().await;
    for _ in 0..5 {
        login_from(&second, OFFICE, "unknown", WRONG).await.expect(401);
    }
    login_from(&second, OFFICE, "unknown", WRONG).await.expect(429);
    login_from(&second, OFFICE, "alice", PASSWORD).await.expect(200);
    // The lookups of an exhausted address are bounded: the next name costs no statement.
    sql(&second.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let before = statements(&second).await;
    login_from(&second, OFFICE, "admin", WRONG).await.expect(429);
    assert_eq!(statements(&second).await, before);
    // The owner is cached now.
    login_from(&second, OFFICE, "alice@example.com", PASSWORD).await.expect(200);
}
