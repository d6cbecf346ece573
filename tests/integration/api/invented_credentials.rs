//! Floods of invented credentials on 400 connections: their statements are bounded, and other
//! clients log in and read meanwhile.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use mdl::credentials::api_keys::ApiKey;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::api::connections::answer;
use crate::support::database::sql;
use crate::support::{ADMIN_PASSWORD, Server, json_body, token};

const CONNECTIONS: usize = 400;
/// Between the requests of a connection: all of them together send about 1,000 a second, which
/// leaves the test's own machine some time for the other client.
const PAUSE: Duration = Duration::from_millis(400);
/// Statements per second: two epochs, a ping for readiness, and what happens less often.
const MAX_PER_SECOND: i64 = 5;

/// Counts the statements of the service on this database that match a condition.
async fn statements(server: &Server, condition: &str) -> i64 {
    let counted = format!(
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements \
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND query NOT LIKE '%pg_stat_statements%' AND {condition}"
    );
    sql(&server.database_url, &counted).await[0][0].parse().unwrap()
}

/// The most frequent statements, for the message of a failure.
async fn by_query(server: &Server) -> Vec<Vec<String>> {
    let query = "SELECT calls::text, left(query, 90) FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 ORDER BY calls DESC LIMIT 25";
    sql(&server.database_url, query).await
}

/// Floods the service for so long while another client logs in and reads twice a second. Asserts
/// that all statements but those of the other client, those of background tasks included, are at
/// most five per second.
async fn assert_bounded(
    server: &Server,
    duration: Duration,
    request: impl Fn(usize, usize) -> (&'static str, String),
    allowed: &[u16],
    log_in_and_read: impl AsyncFn(),
) {
    sql(&server.database_url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await;
    // What a new connection of the pool costs once is no part of the bound.
    server.warm(10).await;
    // The other client alone, without polls of epochs: what one turn of it costs.
    log_in_and_read().await;
    let alone = "query !~ '_epochs|LISTEN'";
    let before = statements(server, alone).await;
    for _ in 0..5 {
        log_in_and_read().await;
    }
    let cost = (statements(server, alone).await - before + 4) / 5;
    assert!(cost > 1, "log-ins are not counted");

    let (before, began) = (statements(server, "true").await, Instant::now());
    let (requests, turns) = (Cell::new(0_u64), Cell::new(0));
    let flood = async |connection: usize| {
        let mut stream = server.connect().await;
        for turn in 0.. {
            if began.elapsed() >= duration {
                return;
            }
            let (path, credential) = request(connection, turn);
            let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{credential}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let status = answer(&mut stream).await.status;
            assert!(allowed.contains(&status), "{path}: {status}");
            requests.set(requests.get() + 1);
            tokio::time::sleep(PAUSE).await;
        }
    };
    let others = async {
        while began.elapsed() < duration {
            log_in_and_read().await;
            turns.set(turns.get() + 1);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    join(join_all((0..CONNECTIONS).map(flood)), others).await;
    let made = statements(server, "true").await - before - turns.get() * cost;
    let seconds = i64::try_from(began.elapsed().as_secs()).unwrap() + 1;
    println!(
        "{} requests on {CONNECTIONS} connections: {made} statements in {seconds} s, beside {} \
         log-ins and reads of {cost} statements each",
        requests.get(),
        turns.get()
    );
    assert!(turns.get() > 2, "others are hardly served");
    let queries = by_query(server).await;
    assert!(made <= MAX_PER_SECOND * seconds, "{made} statements in {seconds} s: {queries:#?}");
}

#[actix_web::test]
async fn credentials_on_routes_without_a_caller_cost_no_statement() {
    let server = Server::with(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let admin = server.admin().await;
    let forged = format!("{}x", &admin[..admin.len() - 1]);
    let request = |connection: usize, turn: usize| {
        let paths = [
            "/health/live",
            "/health",
            "/nowhere",
            "/api/v1/nothing/here",
            "/%68ealth/live",
            "/api/auth/login",
        ];
        let credential = match turn % 2 {
            0 => format!("x-api-key: {}", ApiKey::generate().expose()),
            _ => format!("authorization: Bearer {forged}"),
        };
        (paths[(connection + turn) % paths.len()], credential)
    };
    let log_in_and_read = async || {
        server.login("admin", ADMIN_PASSWORD).await.expect(200);
        server.get("/api/v1/metrics", &admin).await.expect(200);
    };
    let duration = Duration::from_secs(10);
    assert_bounded(&server, duration, request, &[200, 404, 405], log_in_and_read).await;
}

#[actix_web::test]
async fn invented_keys_cost_at_most_five_statements_per_second() {
    let options = ["--rate-limit-enabled", "true", "--trusted-proxies", "127.0.0.0/8"];
    let server = Server::with(&options).await;
    let owner = [("x-forwarded-for", "198.51.100.7")];
    let body = json_body(&json!({"username": "admin", "password": ADMIN_PASSWORD}));
    let log_in = || server.send(Method::POST, "/api/auth/login", "", &owner, Some(body.clone()));
    let admin = token(&log_in().await.expect(200));
    let request = |connection: usize, turn: usize| {
        let paths = ["/health/ready", "/health/circuit-breakers", "/health/live", "/nowhere"];
        let credential = format!("x-api-key: {}", ApiKey::generate().expose());
        (paths[(connection + turn) % paths.len()], credential)
    };
    let log_in_and_read = async || {
        log_in().await.expect(200);
        let read = server.send(Method::GET, "/api/v1/metrics", &admin, &owner, None).await;
        read.expect(200);
    };
    // So long that the lookups of unknown keys, ten a minute for an address, are part of the bound.
    let duration = Duration::from_secs(15);
    assert_bounded(&server, duration, request, &[200, 401, 404, 429], log_in_and_read).await;
}
