//! Traffic that produces every series that a dashboard shows.

use reqwest::Method;
use serde_json::json;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, json_body, refresh_token, samples, token};

/// Options with rate limits that only the deliberate guesses below exceed.
pub const OPTIONS: &[&str] = &[
    "--rate-limit-enabled",
    "true",
    "--rate-limit-general-max",
    "100000",
    "--rate-limit-burst-per-second",
    "1000",
    "--rate-limit-api-key-max",
    "1000",
    "--trusted-proxies",
    "127.0.0.1",
];

/// Calls the API in every way that is counted.
pub async fn generate(server: &Server) {
    let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let admin = token(&login);
    server
        .post("/api/auth/refresh", "", &json!({"refresh_token": refresh_token(&login)}))
        .await
        .expect(200);
    let run: u32 = rand::random();
    let (domain, metric) = (format!("d{run}"), format!("m{run}"));
    server
        .post(
            "/api/v1/domains",
            &admin,
            &json!({"domain_id": domain, "name": format!("Domain {run}")}),
        )
        .await
        .expect(201);
    let mut body = samples::metric(&metric);
    body["business_domain"] = json!(format!("Domain {run}"));
    server.post("/api/v1/metrics", &admin, &body).await.expect(201);
    server.post("/api/v1/metrics", &admin, &json!({"metric_id": "!"})).await.expect(400);
    server
        .put(&format!("/api/v1/metrics/{metric}"), &admin, &json!({"name": "other"}))
        .await
        .expect(200);
    server.post("/api/v1/import", &admin, &json!({"metrics": []})).await.expect(200);
    for path in ["/api/v1/metrics", "/api/v1/domains", "/health", "/nowhere"] {
        server.get(path, &admin).await;
    }
    server.get(&format!("/api/v1/metrics/{metric}"), &admin).await.expect(200);
    server.get(&format!("/api/v1/domains/{domain}"), &admin).await.expect(200);
    let (_, viewer) = server.user(&admin, &format!("viewer{run}"), "viewer").await;
    server
        .post("/api/v1/domains", &viewer, &json!({"domain_id": "no", "name": "No"}))
        .await
        .expect(403);
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    for _ in 0..3 {
        server.get_with("/api/v1/metrics", &key).await.expect(200);
    }
    server.get_with("/api/v1/metrics", "mdl_no_key").await.expect(401);
    server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    server.get_with("/api/v1/metrics", &key).await.expect(401);
    // Password guesses from another address.
    let guess = json!({"username": format!("unknown{run}"), "password": PASSWORD});
    // Each run has an address of its own, with unused limits.
    let elsewhere = format!("2001:db8:{:x}:{:x}::1", run >> 16, run & 0xffff);
    let from = [("x-forwarded-for", elsewhere.as_str())];
    let wrong = json_body(&json!({"refresh_token": "wrong"}));
    server.send(Method::POST, "/api/auth/refresh", "", &from, Some(wrong)).await.expect(401);
    for _ in 0..6 {
        server.send(Method::POST, "/api/auth/login", "", &from, Some(json_body(&guess))).await;
    }
    server.send(Method::DELETE, "/api/v1/metrics", &admin, &[], None).await.expect(405);
}
