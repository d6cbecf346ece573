//! `CACHE_MAX_BYTES`: how much memory cached responses take.

use reqwest::Method;
use serde_json::json;

use crate::support::Server;
use crate::support::samples::metric;

const ONE: &str = "/api/v1/metrics/m1";

async fn start(max_bytes: &str) -> (Server, String) {
    let server = Server::with(&["--cache-max-bytes", max_bytes]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    (server, admin)
}

/// Reads many lists in two encodings.
async fn read_lists(server: &Server, admin: &str) {
    for limit in 1..=50 {
        for encoding in ["identity", "gzip"] {
            let path = format!("/api/v1/metrics?limit={limit}");
            let headers = [("accept-encoding", encoding)];
            server.send(Method::GET, &path, admin, &headers, None).await.expect(200);
        }
    }
}

/// Refuses every query of metrics, and reads one.
async fn read_in_outage(server: &Server, admin: &str) -> u16 {
    server.get(ONE, admin).await.expect(200);
    let isolate = json!({"action": "isolate", "reason": "test"});
    server.post("/health/circuit-breakers/metrics", admin, &isolate).await.expect(200);
    server.get(&format!("{ONE}/history"), admin).await.expect(503);
    server.get(ONE, admin).await.status
}

#[actix_web::test]
async fn cache_takes_at_most_its_bytes() {
    const MAX_BYTES: f64 = 120_000.0;
    let (server, admin) = start("120000").await;
    read_lists(&server, &admin).await;
    let bytes = server.reading("response_cache_bytes").await;
    assert!((MAX_BYTES / 4.0..=MAX_BYTES).contains(&bytes), "{bytes}");
    assert_eq!(read_in_outage(&server, &admin).await, 200);
}

#[actix_web::test]
async fn cache_of_no_bytes_keeps_nothing_and_reads_are_answered() {
    let (server, admin) = start("0").await;
    read_lists(&server, &admin).await;
    assert!(server.reading("response_cache_bytes").await < 1.0);
    assert!(server.reading("response_cache_lookups_total{outcome=\"hit\"}").await < 1.0);
    assert_eq!(read_in_outage(&server, &admin).await, 503);
}
