//! Health checks, the index of the API, and request ids.

use crate::support::Server;

#[actix_web::test]
async fn health_checks_need_no_credentials() {
    let server = Server::start().await;
    let health = server.get("/health", "").await.expect(200).json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["uptime_seconds"].is_u64() && health["timestamp"].is_string());
    assert_eq!(server.get("/health/live", "").await.expect(200).json()["status"], "live");
    assert_eq!(
        server.get("/health/ready", "").await.expect(200).json()["checks"]["database"],
        "ok"
    );
    let head = server.send(reqwest::Method::HEAD, "/health", "", &[], None).await.expect(200);
    assert!(head.text.is_empty() && !head.header("x-request-id").is_empty());
}

#[actix_web::test]
async fn index_lists_the_api() {
    let server = Server::start().await;
    for path in ["/api/v1", "/api/v1/"] {
        let index = server.get(path, "").await.expect(200).json();
        assert_eq!(index["version"], "v1");
        assert_eq!(index["status"], "stable");
        assert_eq!(index["documentation"], "/api-docs");
        assert_eq!(index["endpoints"]["metrics"], "/api/v1/metrics");
    }
}

#[actix_web::test]
async fn valid_request_id_is_kept() {
    let server = Server::start().await;
    let with = async |id: &str| {
        server.send(reqwest::Method::GET, "/health", "", &[("x-request-id", id)], None).await
    };
    assert_eq!(with("abc-123_X.y:z").await.header("x-request-id"), "abc-123_X.y:z");
    for bad in ["with space", "\"quote\"", &"x".repeat(129)] {
        let own = with(bad).await;
        assert_ne!(own.header("x-request-id"), bad);
        assert_eq!(own.header("x-request-id").len(), 36);
    }
}
