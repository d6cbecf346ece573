//! The database is away: the service is not.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Server, database};

#[actix_web::test]
async fn away_at_the_start_and_back_by_itself() {
    let proxy = Proxy::start(false).await;
    let empty = database::empty().await;
    let server = Server::on(&proxy.url(&empty), &["--db-connection-timeout", "1000"]).await;
    let ready = server.get("/health/ready", "").await.expect(503).json();
    assert_eq!(ready["checks"]["database"], "starting");
    assert_eq!(server.get("/health", "").await.expect(200).json()["status"], "degraded");
    server.get("/health/live", "").await.expect(200);
    let login =
        server.login("admin", "whatever it may be").await.expect_error(503, "DATABASE_ERROR");
    assert!(login.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(login.json()["error"]["retryAfter"].is_string());
    proxy.open();
    server.ready().await;
    let admin = server.admin().await;
    server.get("/api/v1/metrics", &admin).await.expect(200);
    assert_eq!(server.get("/health", "").await.json()["status"], "ok");
}

#[actix_web::test]
async fn catalogue_routes_say_so_in_the_one_shape() {
    let proxy = Proxy::start(false).await;
    let options = ["--anonymous-read", "true", "--db-connection-timeout", "1000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    for path in
        ["/api/v1/metrics", "/api/v1/metrics/x", "/api/v1/domains", "/api/v1/metrics/x/history"]
    {
        server.get(path, "").await.expect_error(503, "DATABASE_ERROR");
    }
    proxy.open();
    server.ready().await;
    server.get("/api/v1/metrics", "").await.expect(200);
}

#[actix_web::test]
async fn away_in_between_it_is_503_never_401_or_500() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    proxy.close();
    for _ in 0..3 {
        server.get("/api/v1/metrics", &admin).await.expect_error(503, "DATABASE_ERROR");
        server
            .post("/api/v1/metrics", &admin, &metric("m"))
            .await
            .expect_error(503, "DATABASE_ERROR");
    }
    let ready = server.get("/health/ready", "").await.expect(503).json();
    assert_eq!(ready["checks"]["database"], "unavailable");
    proxy.open();
    server.well().await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
}

#[actix_web::test]
async fn a_query_that_hangs_is_ended_on_the_server_and_costs_no_connection() {
    let url = database::fresh().await;
    let options = ["--circuit-breaker-timeout", "1500", "--db-pool-max", "2"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.warm(2).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    let hung: Vec<_> = (0..2).map(|_| server.get("/api/v1/metrics/x", &admin)).collect();
    for answer in futures_util::future::join_all(hung).await {
        answer.expect_error(503, "DATABASE_ERROR");
    }
    // Both connections are free again although the lock still stands.
    server.get("/api/v1/domains/d1", &admin).await.expect(200);
    // The server is told after the client: so it may take a moment more.
    database::until_locked(&url, 0, "%").await;
    client.batch_execute("COMMIT").await.unwrap();
    server.get("/api/v1/metrics/x", &admin).await.expect(404);
}

#[actix_web::test]
async fn connections_that_died_in_the_pool_fail_no_request() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    let many =
        || futures_util::future::join_all((0..8).map(|_| server.get("/api/v1/domains", &admin)));
    for _ in 0..3 {
        for answer in many().await {
            answer.expect(200);
        }
        // Waits until they have ended; then their farewells are on the way.
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                   WHERE application_name = 'mdl' AND datname = current_database()";
        let ended = database::sql(&url, end).await;
        assert!(!ended.is_empty() && ended.iter().all(|row| row[0] == "t"), "{ended:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[actix_web::test]
async fn clients_that_hang_up_wedge_nothing() {
    let url = database::fresh().await;
    let server = Server::on(&url, &["--db-pool-max", "2"]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    for _ in 0..200 {
        let body = json!({"color": "x"});
        let asked = server.put("/api/v1/domains/d1", &admin, &body);
        let gave_up = tokio::time::timeout(Duration::from_millis(15), asked).await;
        // Either it waited for the lock, or it was told at once that too many wait already.
        assert!(gave_up.is_err() || gave_up.is_ok_and(|answer| answer.status == 503));
    }
    client.batch_execute("COMMIT").await.unwrap();
    // Those who waited in vain give their places back within the time that one waits for a
    // connection.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    for _ in 0..20 {
        server.get("/api/v1/domains/none", &admin).await.expect(404);
        server.put("/api/v1/domains/d1", &admin, &json!({"color": "y"})).await.expect(200);
    }
    // The service itself asks every second, so a place may be taken for a moment; one that is lost
    // is taken for ever.
    let until = Instant::now() + Duration::from_secs(5);
    while server.state().db.in_flight().await.unwrap() > 0 {
        assert!(Instant::now() < until, "places are lost");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
