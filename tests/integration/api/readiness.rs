//! `/health/ready` costs at most one round trip a second for all clients together, and can be
//! limited to reads.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::database::{self, sql};
use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Server};

const CONNECTIONS: usize = 400;
const FOR: Duration = Duration::from_secs(5);

/// Sends requests on one connection until `until`. Returns how many were answered with 200.
async fn ask(address: String, until: Instant) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut answered, mut buffer) = (0, vec![0; 4096]);
    while Instant::now() < until {
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        answered += usize::from(buffer[..read].starts_with(b"HTTP/1.1 200"));
    }
    answered
}

#[actix_web::test]
async fn readiness_costs_one_ping_per_second() {
    let server = Server::start().await;
    server.warm(2).await;
    sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    let pings = async || -> i64 {
        let question = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query = \
                        'SELECT $1' \
                        AND dbid = (SELECT oid FROM pg_database WHERE datname = \
                        current_database())";
        sql(&server.database_url, question).await[0][0].parse().unwrap()
    };
    let (before, began) = (pings().await, Instant::now());
    let address = server.base.trim_start_matches("http://");
    let asking: Vec<_> =
        (0..CONNECTIONS).map(|_| actix_web::rt::spawn(ask(address.into(), began + FOR))).collect();
    tokio::time::sleep(FOR / 4).await;
    for _ in 0..3 {
        server.login("admin", ADMIN_PASSWORD).await.expect(200);
    }
    let mut answered = 0;
    for one in asking {
        answered += one.await.unwrap();
    }
    let (sent, seconds) =
        (pings().await - before, i64::try_from(began.elapsed().as_secs()).unwrap());
    println!("{answered} answers in {:?} cost {sent} round trips", began.elapsed());
    assert!(answered > CONNECTIONS, "{answered}");
    assert!((1..=seconds + 2).contains(&sent), "{sent} in {seconds} s");
}

#[actix_web::test]
async fn reads_are_ready_while_the_database_is_unavailable() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--anonymous-read", "true"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    server.get("/health/ready?for=reads", "").await.expect(200);
    server.get("/health/ready?for=writes", "").await.expect_error(400, "VALIDATION_ERROR");
    server.get("/health/ready?for=reads&for=reads", "").await.expect_error(400, "VALIDATION_ERROR");
    proxy.close();
    let unavailable = async |path: &str, status| {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let ready = server.get(path, "").await;
            if ready.json()["checks"]["database"] == "unavailable" {
                return ready.expect(status);
            }
            assert!(Instant::now() < until, "it is never noticed: {}", ready.text);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // No response is cached yet.
    unavailable("/health/ready?for=reads", 503).await;
    proxy.open();
    server.ready().await;
    server.circuits_closed().await;
    server.get("/api/v1/domains", "").await.expect(200);
    proxy.close();
    unavailable("/health/ready", 503).await;
    assert_eq!(unavailable("/health/ready?for=reads", 200).await.json()["status"], "ready");
    server.get("/api/v1/domains", "").await.expect(200);
}
