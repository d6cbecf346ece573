//! Outages of the database: at startup, between requests, and of single connections.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Server, database};

#[actix_web::test]
async fn service_starts_without_database_and_recovers() {
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
async fn catalogue_routes_report_outage_in_error_format() {
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
async fn outage_is_503_never_401_or_500() {
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
    server.circuits_closed().await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
}

#[actix_web::test]
async fn hanging_query_is_cancelled_on_the_server() {
    let url = database::fresh().await;
    let options = ["--circuit-breaker-timeout", "1500", "--db-pool-max", "2"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.warm(2).await;
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    let hung: Vec<_> = (0..2).map(|_| server.get("/api/v1/metrics/x", &admin)).collect();
    for answer in futures_util::future::join_all(hung).await {
        answer.expect_error(503, "DATABASE_ERROR");
    }
    // Both connections are free again although the lock is still held.
    server.get("/api/v1/domains/d1", &admin).await.expect(200);
    // The statement is cancelled after the client was answered, so that may take a moment.
    database::until_locked(&url, 0, "%").await;
    client.batch_execute("COMMIT").await.unwrap();
    server.get("/api/v1/metrics/x", &admin).await.expect(404);
}

#[actix_web::test]
async fn dead_pooled_connections_fail_no_request() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    for round in 0..3 {
        // None of these responses is cached, so that each request needs a connection.
        let paths = (1..=8).map(|read| format!("/api/v1/domains?limit={}", round * 8 + read));
        let many = paths.map(|path| {
            let (server, admin) = (&server, &admin);
            async move { server.get(&path, admin).await }
        });
        for answer in futures_util::future::join_all(many).await {
            answer.expect(200);
        }
        // Waits until the backends have ended, so that their last messages are on the way.
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                   WHERE application_name LIKE 'mdl/%' AND datname = current_database()";
        let ended = database::sql(&url, end).await;
        assert!(!ended.is_empty() && ended.iter().all(|row| row[0] == "t"), "{ended:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[actix_web::test]
async fn disconnected_clients_release_their_permits() {
    let url = database::fresh().await;
    let server = Server::on(&url, &["--db-pool-max", "2"]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    let connect = async |method: &str, body: &str| {
        let request = format!(
            "{method} /api/v1/domains/d1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    // RST, because a handler runs on after FIN.
    let reset = |stream: TcpStream| {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    };
    // The handler of a read is dropped while its query waits for the lock.
    let stream = connect("GET", "").await;
    database::until_locked(&url, 1, "%business_domains%").await;
    reset(stream);
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let reports = server.state().db.report().await.unwrap().0;
        if reports.iter().any(|report| report.stats.neutral > 0) {
            break;
        }
        assert!(Instant::now() < until, "the handler was not dropped: {reports:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for round in 0..200 {
        // Writes run on without their clients.
        let (method, body) = if round % 2 == 0 { ("GET", "") } else { ("PUT", r#"{"color":"x"}"#) };
        let stream = connect(method, body).await;
        tokio::time::sleep(Duration::from_millis(15)).await;
        reset(stream);
    }
    client.batch_execute("COMMIT").await.unwrap();
    // Requests that waited release their permits within the connection timeout.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    for _ in 0..20 {
        server.get("/api/v1/domains/none", &admin).await.expect(404);
        server.put("/api/v1/domains/d1", &admin, &json!({"color": "y"})).await.expect(200);
    }
    // The poll of the epochs holds a permit for a moment; a lost permit is held for ever.
    let until = Instant::now() + Duration::from_secs(5);
    while server.state().db.in_flight().await.unwrap() > 0 {
        assert!(Instant::now() < until, "permits are lost");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
