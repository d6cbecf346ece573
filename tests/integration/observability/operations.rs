//! Metrics of what the service does beside its answers: cached responses, mails, requests in
//! flight, and rows of growing tables.

use std::time::{Duration, Instant};

use mdl::actors::db_breaker::Circuit;
use mdl::storage::table_rows;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::{Server, database};

/// Waits until a series has this value.
async fn until(server: &Server, series: &str, value: f64) {
    let began = Instant::now();
    loop {
        let found = server.reading(series).await;
        if (found - value).abs() < 0.5 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{series}: {found}, not {value}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn cached_and_stale_responses_are_counted() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "500", "--circuit-breaker-reset-timeout", "600000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.settled().await;
    let outcome = |name: &str| format!("response_cache_lookups_total{{outcome=\"{name}\"}}");
    let misses = server.reading(&outcome("miss")).await;
    server.get("/api/v1/domains", &admin).await.expect(200);
    until(&server, &outcome("miss"), misses + 1.0).await;
    assert!(server.reading(&outcome("stale")).await.abs() < 0.5);
    let began = Instant::now();
    while server.reading(&outcome("hit")).await < 0.5 {
        server.get("/api/v1/domains", &admin).await.expect(200);
        assert!(began.elapsed() < Duration::from_secs(30), "never from the cache");
    }
    proxy.close();
    let began = Instant::now();
    while server.reading(&outcome("stale")).await < 0.5 {
        server.get("/api/v1/domains", &admin).await;
        assert!(began.elapsed() < Duration::from_mins(1), "never stale");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.get("/api/v1/domains", &admin).await.header("x-cache"), "STALE");
}

#[actix_web::test]
async fn mails_are_counted_by_outcome() {
    for (url, outcome) in [("smtp://127.0.0.1:1", "failed"), ("", "disabled")] {
        let server = Server::with(&["--smtp-url", url]).await;
        let admin = server.admin().await;
        server.user(&admin, "eva", "viewer").await;
        let body = json!({"email": "eva@example.com"});
        server.post("/api/auth/password-reset/request", "", &body).await.expect(202);
        until(&server, &format!("mails_total{{outcome=\"{outcome}\"}}"), 1.0).await;
        assert!(server.reading("mails_total{outcome=\"sent\"}").await.abs() < 0.5);
        server.stop().await;
    }
}

#[actix_web::test]
async fn requests_in_flight_are_counted_until_they_end() {
    let server = std::rc::Rc::new(Server::start().await);
    let admin = server.admin().await;
    let blocker = database::connect(&server.database_url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let (asking, token) = (std::rc::Rc::clone(&server), admin.clone());
    let request = actix_web::rt::spawn(async move {
        let body = json!({"domain_id": "d", "name": "D"});
        asking.post("/api/v1/domains", &token, &body).await
    });
    until(&server, "http_requests_in_flight", 1.0).await;
    blocker.batch_execute("COMMIT").await.unwrap();
    request.await.unwrap().expect(201);
    until(&server, "http_requests_in_flight", 0.0).await;
}

#[actix_web::test]
async fn rows_of_growing_tables_are_estimated() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "eva", "viewer").await;
    database::sql(&server.database_url, "ANALYZE users").await;
    let db = server.state().db.clone();
    let began = Instant::now();
    loop {
        let estimate = async |conn: &mut _| table_rows::estimate(conn, &["users", "none"]).await;
        let found = db.run(Circuit::Auth, "server.estimate_rows", estimate).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        if (found[0].table.as_str(), found[0].rows) == ("users", 2) {
            break;
        }
        // The server writes its statistics a moment later.
        assert!(began.elapsed() < Duration::from_secs(30), "{found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
