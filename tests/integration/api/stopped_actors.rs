//! A stopped actor is an internal error (500, not ready), never "database unavailable", and no
//! revoked credential is accepted.

use std::time::Instant;

use mdl::credentials::api_keys::ApiKey;

use crate::support::{ADMIN_PASSWORD, Server};

const METRICS: &str = "/api/v1/metrics";

#[actix_web::test]
async fn stopped_key_cache_refuses_all_keys_and_keeps_no_entry() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    let (_, other) = server.key(&admin, &["metrics:read"]).await;
    server.settled().await;
    server.get_with(METRICS, &key).await.expect(200);
    server.get_with(METRICS, &other).await.expect(200);
    assert_eq!(
        server.get("/health/ready", "").await.expect(200).json()["checks"]["api_key_cache"],
        "ok"
    );
    let cache = server.state().accounts.keys.clone();
    let is_cached =
        |key: &str| cache.is_cached(&ApiKey::parse(key).unwrap().hash(), Instant::now());
    assert!(is_cached(&key) && is_cached(&other));
    assert_eq!(cache.stop().await, 0);
    // A hit before the stop.
    server.get_with(METRICS, &other).await.expect_error(500, "INTERNAL_ERROR");
    server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    // The handle has emptied the table: an entry from before the stop would not be used even if the
    // actor seemed to run.
    assert!(!is_cached(&key) && !is_cached(&other));
    for unusable in [&key, &other, &ApiKey::generate().expose().to_owned()] {
        server.get_with(METRICS, unusable).await.expect_error(500, "INTERNAL_ERROR");
    }
    let failures = |line: &&serde_json::Value| line["error"] == "API key cache stopped";
    assert_eq!(server.logs.lines().iter().filter(failures).count(), 4, "each is logged once");
    let ready = server.get("/health/ready", "").await.expect(503).json();
    assert_eq!(
        (&ready["checks"]["api_key_cache"], &ready["checks"]["database"]),
        (&"stopped".into(), &"ok".into())
    );
    server.get("/health/ready?for=reads", "").await.expect(503);
    assert_eq!(server.get("/health", "").await.expect(200).json()["status"], "degraded");
    // Callers without a key are served.
    server.get(METRICS, &admin).await.expect(200);
    server.stop().await;
}

#[actix_web::test]
async fn stopped_breaker_is_an_internal_error_not_an_outage() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.get("/health/ready", "").await.expect(200);
    server.state().db.stop().await;
    server.login("admin", ADMIN_PASSWORD).await.expect_error(500, "INTERNAL_ERROR");
    server.get(METRICS, &admin).await.expect_error(500, "INTERNAL_ERROR");
    server.get_with(METRICS, ApiKey::generate().expose()).await.expect_error(500, "INTERNAL_ERROR");
    assert!(server.state().db.report().await.is_err());
    assert_eq!(server.get("/health", "").await.expect(200).json()["status"], "degraded");
    // The last check is reused for a second.
    let began = Instant::now();
    let checks = loop {
        let ready = server.get("/health/ready", "").await;
        if ready.status == 503 {
            break ready.json()["checks"].clone();
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(3), "it is never noticed");
    };
    assert_eq!(checks["database"], "stopped");
    // Prometheus can still scrape.
    assert!(
        server.reading("auth_attempts_total{method=\"login\",status=\"success\"}").await >= 1.0
    );
    server.stop().await;
}
