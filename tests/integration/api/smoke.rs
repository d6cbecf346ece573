//! Smoke tests: one path through all parts of the API, on `PostgreSQL` and on the embedded
//! database.

use serde_json::json;

use crate::support::samples::metric;
use crate::support::{Server, token};

/// Enables registration.
const OPEN: [&str; 2] = ["--registration-enabled", "true"];

async fn use_every_part(server: &Server) {
    let admin = server.admin().await;
    server.domains(&admin).await;
    let created = server.post("/api/v1/metrics", &admin, &metric("mrr")).await.expect(201);
    assert_eq!(created.header("etag"), "\"1.0.0\"");
    assert_eq!(created.header("location"), "/api/v1/metrics/mrr");
    server.put("/api/v1/metrics/mrr", &admin, &json!({"name": "Changed"})).await.expect(200);
    let list = server.get("/api/v1/metrics?search=chang", &admin).await.expect(200).json();
    assert_eq!(list["data"][0]["metadata"]["version"], "1.1.0");
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    let moved = server.get("/api/v1/metrics/mrr", &admin).await.expect(200).json();
    assert_eq!(moved["data"]["business_domain"], "Money");
    assert_eq!(
        server.get("/api/v1/metrics/mrr/history", &admin).await.expect(200).json()["count"],
        3
    );
    let registered = server
        .post(
            "/api/auth/register",
            "",
            &json!({"username": "viewer1", "email": "v@example.com",
                "password": "some password for tests", "full_name": "V"}),
        )
        .await
        .expect(201);
    let viewer = token(&registered);
    server.get("/api/v1/metrics/mrr", &viewer).await.expect(200);
    server
        .put("/api/v1/metrics/mrr", &viewer, &json!({"name": "x"}))
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    server.delete("/api/v1/metrics/mrr", &admin).await.expect(200);
    server.get("/api/v1/metrics/mrr", &admin).await.expect_error(404, "NOT_FOUND");
    let yaml =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/catalogue.yaml")).unwrap();
    let body = Some(("application/yaml", yaml));
    let report = server
        .send(reqwest::Method::POST, "/api/v1/import", &admin, &[], body)
        .await
        .expect(200)
        .json();
    assert!(report["data"]["counts"]["created"].as_u64().unwrap() >= 30, "{report}");
}

#[actix_web::test]
async fn smoke_on_postgresql() {
    let server = Server::with(&OPEN).await;
    use_every_part(&server).await;
    server.stop().await;
}

const SHORT: [&str; 4] = ["--circuit-breaker-timeout", "100", "--db-connection-timeout", "100"];

/// The embedded database starts with its first connection, which takes longer than the connection
/// timeout, and it allows no second one.
#[actix_web::test]
async fn slow_embedded_database_is_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded_with(folder.path(), &SHORT).await;
    assert_eq!(server.get("/health/ready", "").await.status, 200);
}

#[actix_web::test]
async fn smoke_on_embedded_database_and_after_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded_with(folder.path(), &OPEN).await;
    use_every_part(&server).await;
    let admin = server.admin().await;
    let before = server.get("/api/v1/metrics?limit=100", &admin).await.expect(200).json();
    server.stop().await;
    let server = Server::embedded(folder.path()).await;
    // The token is valid, too, because the secrets are stored in the folder.
    let after = server.get("/api/v1/metrics?limit=100", &admin).await.expect(200).json();
    assert_eq!(before, after);
    server.stop().await;
}
