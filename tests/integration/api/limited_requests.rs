//! Requests that end in the middleware are limited, counted and logged like all others: preflights,
//! refused paths and queries, documentation pages, and API keys that cannot be looked up.

use std::time::Duration;

use futures_util::future::join_all;
use mdl::credentials::api_keys::ApiKey;
use mdl::rate_limit::duration_text::wait_text;
use reqwest::Method;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::{Answer, Server, database};

const SITE: &str = "https://app.example.com";
const METRICS: &str = "/api/v1/metrics";

/// A server whose limits are only those given.
async fn limited(options: &[&str]) -> Server {
    let on = ["--rate-limit-enabled", "true"];
    Server::with(&[&on[..], options].concat()).await
}

async fn preflight(server: &Server, path: &str) -> Answer {
    let headers = [
        ("origin", SITE),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-api-key"),
    ];
    server.send(Method::OPTIONS, path, "", &headers, None).await
}

#[actix_web::test]
async fn refused_query_has_rate_limit_headers_an_access_log_line_and_a_count() {
    let server = limited(&["--rate-limit-general-max", "50"]).await;
    let path = format!("{METRICS}?{}", vec!["a=1"; 33].join("&"));
    let refused = server.get(&path, "").await.expect_error(400, "VALIDATION_ERROR");
    assert!(refused.header("ratelimit").starts_with("\"general\";r=49;"), "{refused:?}");
    let lines = server.logs.lines();
    let is_logged = |line: &serde_json::Value| line["msg"] == "request" && line["status"] == 400;
    assert_eq!(lines.iter().filter(|line| is_logged(line)).count(), 1);
    let series = "http_requests_total{method=\"GET\",route=\"unmatched\",status_code=\"400\"}";
    let routed =
        "http_requests_total{method=\"GET\",route=\"/api/v1/metrics\",status_code=\"400\"}";
    assert!((server.reading(series).await + server.reading(routed).await - 1.0).abs() < 0.5);
}

#[actix_web::test]
async fn preflights_are_charged_and_refused_like_other_requests() {
    let server = limited(&["--rate-limit-general-max", "4", "--cors-origin", SITE]).await;
    let allowed = preflight(&server, METRICS).await.expect(200);
    assert!(allowed.header("ratelimit").starts_with("\"general\";r=3;"), "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-origin"), SITE);
    assert!(allowed.header("access-control-allow-methods").contains("PUT"));
    assert!(allowed.header("access-control-allow-headers").to_lowercase().contains("x-api-key"));
    assert_eq!(allowed.header("access-control-max-age"), "600");
    let headers = format!("origin: {SITE}\r\naccess-control-request-method: PUT\r\n");
    let refused = server.raw("OPTIONS", "/api//v1/metrics", &headers).await;
    assert_eq!((refused.status, refused.left()), (400, Some(2)));
    let query = format!("{METRICS}?{}", "x".repeat(9000));
    preflight(&server, &query).await.expect_error(400, "VALIDATION_ERROR");
    // Scripts can read the headers of responses to their requests.
    let read = server.send(Method::GET, METRICS, "", &[("origin", SITE)], None).await.expect(401);
    assert_eq!(read.header("access-control-allow-origin"), SITE);
    assert!(read.header("access-control-expose-headers").to_lowercase().contains("ratelimit"));
    let exhausted = preflight(&server, METRICS).await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(exhausted.header("access-control-allow-origin"), SITE);
}

#[actix_web::test]
async fn burst_limit_applies_to_documentation_pages_and_not_to_health_checks() {
    let limits = ["--rate-limit-general-max", "3", "--rate-limit-burst-per-second", "5"];
    let server = limited(&limits).await;
    let answers = join_all((0..60).map(|_| server.get("/api-docs/", ""))).await;
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert!(served.len() > 3, "pages take no hit of the general limit");
    assert!(served.iter().all(|answer| answer.header("ratelimit").is_empty()));
    let refused = refused.into_iter().next().expect("a refusal");
    let refused = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").starts_with("\"burst\";q=5;"));
    for answer in join_all((0..60).map(|_| server.get("/health/live", ""))).await {
        answer.expect(200);
    }
}

#[actix_web::test]
async fn new_key_at_an_exhausted_address_is_refused_if_it_cannot_be_looked_up() {
    let (proxy, url) = (Proxy::start(true).await, database::fresh().await);
    let options = [
        "--rate-limit-enabled",
        "true",
        "--rate-limit-general-max",
        "5",
        "--rate-limit-caller-max",
        "3",
        "--db-connection-timeout",
        "1000",
    ];
    let server = Server::on(&proxy.url(&url), &options).await;
    server.ready().await;
    for _ in 0..5 {
        server.get(METRICS, "").await.expect(401);
    }
    proxy.close();
    let key = mdl::credentials::api_keys::ApiKey::generate();
    let refused = server.get_with(METRICS, key.expose()).await;
    let refused = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("ratelimit-policy"), "\"general\";q=5;w=900");
}

/// Asserts the whole message of a 429, whose wait is that of `Retry-After`.
#[track_caller]
fn assert_message(refused: &Answer, what: &str, limit: &str) {
    let wait = refused.header("retry-after").parse().expect("seconds");
    let wait = wait_text(Duration::from_secs(wait));
    let expected = format!("{what}. Try again in {wait}. (limit: {limit})");
    assert_eq!(refused.json()["error"]["message"], expected);
}

#[actix_web::test]
async fn refusal_names_limit_wait_quota_and_variable() {
    let server = limited(&["--rate-limit-general-max", "100000"]).await;
    let admin = server.admin().await;
    for _ in 0..5 {
        server.login("admin", "a wrong password").await.expect(401);
    }
    let refused = server.login("admin", "a wrong password").await.expect(429);
    let limit = "5 per 15 minutes, RATE_LIMIT_AUTH_MAX";
    assert_message(&refused, "Too many failed attempts", limit);
    let reset = json!({"email": "admin@localhost"});
    for _ in 0..3 {
        server.post("/api/auth/password-reset/request", "", &reset).await.expect(202);
    }
    let refused = server.post("/api/auth/password-reset/request", "", &reset).await.expect(429);
    let limit = "3 per hour, RATE_LIMIT_PASSWORD_RESET_MAX";
    assert_message(&refused, "Too many password reset requests", limit);
    let draft = json!({"name": "k", "scopes": ["metrics:read"]});
    for _ in 0..10 {
        server.post("/api/auth/api-keys", &admin, &draft).await.expect(201);
    }
    let refused = server.post("/api/auth/api-keys", &admin, &draft).await.expect(429);
    assert_message(&refused, "Too many new API keys", "10 per hour, RATE_LIMIT_API_KEY_MAX");
    for _ in 0..10 {
        server.get_with(METRICS, ApiKey::generate().expose()).await.expect(401);
    }
    let refused = server.get_with(METRICS, ApiKey::generate().expose()).await.expect(429);
    let limit = "10 per minute, RATE_LIMIT_UNKNOWN_KEY_MAX";
    assert_message(&refused, "Too many unknown API keys from this address", limit);
}

#[actix_web::test]
async fn refusal_of_general_caller_and_burst_limit_names_them() {
    let limits = ["--rate-limit-general-max", "1", "--rate-limit-general-window", "90000"];
    let server = limited(&[&limits[..], &["--rate-limit-caller-max", "2"]].concat()).await;
    let admin = server.admin().await;
    let refused = server.get(METRICS, "").await.expect(429);
    let limit = "1 per 90 seconds, RATE_LIMIT_GENERAL_MAX";
    assert_message(&refused, "Too many requests from this address", limit);
    for _ in 0..2 {
        server.get(METRICS, &admin).await.expect(200);
    }
    let refused = server.get(METRICS, &admin).await.expect(429);
    let limit = "2 per 15 minutes, RATE_LIMIT_CALLER_MAX or the key's rate_limit";
    assert_message(&refused, "Too many requests of this user or API key", limit);
    let server = limited(&["--rate-limit-burst-per-second", "5"]).await;
    let answers = join_all((0..60).map(|_| server.get("/api-docs/", ""))).await;
    let refused = answers.into_iter().find(|answer| answer.status == 429).expect("a refusal");
    let limit = "5 per second, RATE_LIMIT_BURST_PER_SECOND";
    assert_message(&refused, "Too many requests at once", limit);
}

#[actix_web::test]
async fn older_headers_are_those_of_the_limit_that_refused() {
    let limits = ["--rate-limit-general-max", "6", "--rate-limit-burst-per-second", "100000"];
    let server = limited(&limits).await;
    for _ in 0..5 {
        server.login("admin", "a wrong password").await.expect(401);
    }
    let refused = server.login("admin", "a wrong password").await;
    let refused = refused.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit").starts_with("\"general\";r=0;"), "{refused:?}");
    assert_eq!(refused.header("ratelimit-limit"), "5");
    assert_eq!(refused.header("ratelimit-reset"), refused.header("retry-after"));
}
