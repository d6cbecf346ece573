//! Requests that end in the middleware are limited, counted and logged like all others: preflights,
//! refused paths and queries, documentation pages, and API keys that cannot be looked up.

use futures_util::future::join_all;
use reqwest::Method;

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
