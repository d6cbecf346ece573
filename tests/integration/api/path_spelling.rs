//! Each spelling of a path has the limits and headers of its plain form, or is refused and counted.

use mdl::credentials::api_keys::ApiKey;
use reqwest::Method;
use serde_json::json;

use crate::support::raw::RawAnswer;
use crate::support::{Server, json_body};

const COUNTED: [&str; 4] =
    ["--rate-limit-enabled", "true", "--rate-limit-burst-per-second", "100000"];

/// All paths of the OpenAPI document, with an example for each parameter, and their methods.
fn paths() -> Vec<(String, Vec<String>)> {
    let document = serde_json::to_value(mdl::http::server::document()).unwrap();
    let mut found = Vec::new();
    for (pattern, item) in document["paths"].as_object().unwrap() {
        let segments = pattern
            .split('/')
            .map(|segment| if segment.starts_with('{') { "example" } else { segment });
        let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        found.push((
            segments.collect::<Vec<_>>().join("/"),
            methods.filter(|method| method.len() < 7).collect(),
        ));
    }
    found.push(("/api-docs".to_owned(), vec!["GET".to_owned()]));
    found
}

/// Returns eight spellings of a path that starts with a slash and a letter.
fn spellings(path: &str) -> [(&'static str, String); 8] {
    let rest = &path[1..];
    [
        ("escaped letter", format!("/%{:02x}{}", rest.as_bytes()[0], &rest[1..])),
        ("double slash", format!("//{rest}")),
        ("dot segment", format!("/x/../{rest}")),
        ("upper case", path.to_uppercase()),
        ("trailing slash", format!("{path}/")),
        (
            "escaped slash",
            rest.rsplit_once('/')
                .map_or(format!("{path}%2f"), |(start, end)| format!("/{start}%2f{end}")),
        ),
        ("semicolon", format!("{path};a=b")),
        ("NUL", format!("{path}%00")),
    ]
}

/// Headers that must not depend on the spelling.
fn judged(answer: &RawAnswer) -> Vec<(String, String)> {
    let changing = [
        "date",
        "x-request-id",
        "ratelimit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "etag",
        "content-length",
    ];
    let mut kept = answer.headers.clone();
    kept.retain(|(name, _)| !changing.contains(&name.as_str()));
    kept.sort();
    kept
}

#[actix_web::test]
async fn path_spellings_are_limited_alike_or_refused() {
    let server =
        Server::with(&[&COUNTED[..], &["--rate-limit-general-max", "100000"]].concat()).await;
    let bearer = format!("authorization: Bearer {}\r\n", server.admin().await);
    let mut left =
        server.raw("GET", "/nowhere", "").await.left().expect("unmatched paths are counted");
    let mut counted = |answer: &RawAnswer, what: &str| {
        left -= 1;
        assert_eq!(answer.left(), Some(left), "{what} is counted: {answer:?}");
    };
    let exempt = ["/health", "/health/live", "/health/ready", "/api-docs"];
    for (path, methods) in paths() {
        for method in methods {
            let plain = server.raw(&method, &path, &bearer).await;
            if exempt.contains(&path.as_str()) {
                assert_eq!(plain.left(), None, "{path}");
            } else {
                counted(&plain, &path);
            }
            for (kind, spelling) in spellings(&path) {
                let what = format!("{method} {spelling} ({kind})");
                let answer = server.raw(&method, &spelling, &bearer).await;
                match kind {
                    "escaped letter" => {
                        assert_eq!(
                            (answer.status, judged(&answer)),
                            (plain.status, judged(&plain)),
                            "{what}"
                        );
                        if !exempt.contains(&path.as_str()) {
                            counted(&answer, &what);
                        }
                        continue;
                    }
                    // These two are routes of their own.
                    "trailing slash" if path == "/api/v1" => {
                        assert_eq!(
                            (answer.status, judged(&answer)),
                            (plain.status, judged(&plain)),
                            "{what}"
                        );
                    }
                    "trailing slash" if path == "/api-docs" => continue,
                    "double slash" | "dot segment" | "escaped slash" | "NUL" => {
                        assert_eq!(answer.status, 400, "{what}: {answer:?}");
                        assert!(
                            answer.body.contains("\"VALIDATION_ERROR\"")
                                && answer.body.contains("\"field\":\"path\"")
                        );
                    }
                    _ => assert!(
                        matches!(answer.status, 400 | 401 | 404 | 415),
                        "{what}: {answer:?}"
                    ),
                }
                counted(&answer, &what);
                assert_eq!(answer.header("cache-control"), "no-store", "{what}");
                for name in [
                    "content-security-policy",
                    "x-frame-options",
                    "x-content-type-options",
                    "x-request-id",
                ] {
                    assert!(!answer.header(name).is_empty(), "{what}: {name}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn path_spellings_share_one_rate_limit() {
    let server = Server::with(&[&COUNTED[..], &["--rate-limit-general-max", "3"]].concat()).await;
    // Three spellings share one window.
    for path in ["/api/v1", "/%61pi/v1", "//api/v1"] {
        assert_ne!(server.raw("GET", path, "").await.status, 429, "{path}");
    }
    for (path, _) in paths() {
        if path.starts_with("/health") && path != "/health/circuit-breakers" || path == "/api-docs"
        {
            continue;
        }
        for (kind, spelling) in spellings(&path) {
            assert_eq!(server.raw("GET", &spelling, "").await.status, 429, "{spelling} ({kind})");
        }
        assert_eq!(server.raw("GET", &path, "").await.status, 429, "{path}");
    }
    for path in [
        "/nowhere",
        "/%00",
        "/%zz",
        "/api-docsx",
        "/health/x",
        "/health/../api/v1",
        "*",
        "http://x/api/v1",
    ] {
        assert_eq!(server.raw("GET", path, "").await.status, 429, "{path}");
    }
    for path in ["/health", "/%68ealth/live", "/health/ready"] {
        assert_eq!(server.raw("GET", path, "").await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn labels_and_logs_contain_the_route_not_the_spelling() {
    let server = Server::start().await;
    server.raw("GET", "/%61pi/v1/metrics/%6d1", "").await;
    server.raw("GET", "/api/v1/metrics/x/../history", "").await;
    let matched =
        "http_requests_total{method=\"GET\",route=\"/api/v1/metrics/{id}\",status_code=\"401\"}";
    let unmatched = "http_requests_total{method=\"GET\",route=\"unmatched\",status_code=\"400\"}";
    for series in [matched, unmatched] {
        assert!((server.reading(series).await - 1.0).abs() < f64::EPSILON, "{series}");
    }
    let lines = server.logs.lines();
    let routes: Vec<_> =
        lines.iter().filter(|line| line["msg"] == "request").map(|line| &line["route"]).collect();
    assert!(
        routes.contains(&&json!("/api/v1/metrics/{id}")) && routes.contains(&&json!("unmatched")),
        "{routes:?}"
    );
    assert!(
        !routes
            .iter()
            .any(|route| route.to_string().contains("..") || route.to_string().contains('%'))
    );
}

#[actix_web::test]
async fn credentials_are_read_only_where_a_caller_can_be_used() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let invented = ApiKey::generate().expose().to_owned();
    let judged = "auth_attempts_total{method=\"api_key\",status=\"failure\"}";
    let before = server.reading(judged).await;
    // Routes that cannot use a caller ignore credentials, valid or not.
    let credentials = [
        vec![("x-api-key", invented.as_str())],
        vec![("x-api-key", "malformed")],
        vec![("authorization", "Basic x")],
        vec![("authorization", "Bearer forged"), ("x-api-key", invented.as_str())],
    ];
    for headers in &credentials {
        for (method, path, status) in [
            (Method::GET, "/health", 200),
            (Method::GET, "/health/live", 200),
            (Method::GET, "/health/ready", 200),
            (Method::GET, "/api-docs/", 200),
            (Method::GET, "/api/v1", 200),
            (Method::GET, "/nowhere", 404),
            (Method::GET, "/api/auth/login", 405),
            (Method::DELETE, "/api/v1/metrics", 405),
            (Method::POST, "/api/auth/login", 400),
            (Method::POST, "/api/auth/refresh", 400),
        ] {
            let body = (method == Method::POST).then(|| json_body(&json!({})));
            server.send(method, path, "", headers, body).await.expect(status);
        }
    }
    assert!((server.reading(judged).await - before).abs() < f64::EPSILON);
    // An expired token sent with a log-in is ignored.
    let body = json!({"username": "admin", "password": crate::support::ADMIN_PASSWORD});
    server.post("/api/auth/login", "expired", &body).await.expect(200);
    for headers in &credentials[..3] {
        let refused = server.send(Method::GET, "/health/circuit-breakers", "", headers, None).await;
        refused.expect(401);
    }
    server.get("/health/circuit-breakers", &admin).await.expect(200);
}

#[actix_web::test]
async fn expired_token_is_reported_as_expired() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let missing = server.get("/api/auth/me", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    let forged =
        server.get("/api/auth/me", "forged").await.expect_error(401, "AUTHENTICATION_ERROR");
    assert_eq!(forged.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    server.advance(900);
    let expired = server.get("/api/auth/me", &admin).await.expect_error(401, "TOKEN_EXPIRED");
    assert_eq!(expired.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}
