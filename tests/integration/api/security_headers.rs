//! Security headers of every response, and their effect in a browser.

use std::collections::BTreeSet;
use std::process::Command;

use reqwest::Method;

use crate::support::database::sql;
use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Answer, Server, database, token};

pub(super) const ALWAYS: [(&str, &str); 13] = [
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-dns-prefetch-control", "off"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-download-options", "noopen"),
    ("origin-agent-cluster", "?1"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), payment=(), usb=()",
    ),
];

fn assert_security_headers(answer: &Answer, what: &str) {
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), value, "{name}: {what} {}", answer.status);
    }
    assert_eq!(answer.header("server"), "");
    assert_eq!(answer.header("x-powered-by"), "");
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    assert!(!answer.header("cache-control").is_empty(), "{what} {}", answer.status);
    if answer.status >= 400 {
        assert_eq!(answer.header("cache-control"), "no-store", "{what} {}", answer.status);
    }
}

/// Returns every operation of the document, with ids in its path.
async fn operations(server: &Server) -> Vec<(Method, String)> {
    let document = server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let id =
            if path.contains("/auth/") { "0193b0a4-0000-7000-8000-000000000000" } else { "none" };
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{id}", id).replace("{name}", "metrics");
            found.push((method.to_uppercase().parse().unwrap(), path));
        }
    }
    found
}

#[actix_web::test]
async fn security_headers_are_on_every_response() {
    let proxy = Proxy::start(true).await;
    let url = database::fresh().await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "600000"];
    let server = Server::on(&proxy.url(&url), &options).await;
    server.ready().await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await);
    let (_, viewer) = server.user(&admin, "vera", "viewer").await;
    let operations = operations(&server).await;
    assert!(operations.len() >= 38);
    let mut seen = BTreeSet::new();
    let mut check = |answer: Answer, method: &Method, path: &str| {
        assert_security_headers(&answer, &format!("{method} {path}"));
        seen.insert(answer.status);
        answer.status
    };
    let large = vec![b' '; 1024 * 1024 + 1];
    let writes = |method: &Method| *method != Method::GET && *method != Method::DELETE;
    for (method, path) in &operations {
        let send = async |token: &str, body: Option<(&str, Vec<u8>)>| {
            server.send(method.clone(), path, token, &[], body).await
        };
        check(send("", None).await, method, path);
        check(send("nonsense", None).await, method, path);
        if writes(method) {
            check(send(&viewer, Some(("application/json", b"{".to_vec()))).await, method, path);
            check(send(&admin, Some(("application/json", b"{".to_vec()))).await, method, path);
            check(send(&admin, Some(("application/json", large.clone()))).await, method, path);
            check(send(&admin, Some(("text/plain", b"x".to_vec()))).await, method, path);
        } else if path != "/api/auth/api-keys" {
            check(send(&viewer, None).await, method, path);
            check(send(&admin, None).await, method, path);
        }
        check(
            server.send(Method::PATCH, &format!("{path}/no/where"), &admin, &[], None).await,
            method,
            path,
        );
        if !path.ends_with("api-keys/none") {
            check(server.send(Method::TRACE, path, &admin, &[], None).await, method, path);
        }
    }
    // An internal error: a table is missing. Which routes fail depends on the table.
    sql(&url, "ALTER TABLE sessions RENAME TO hidden").await;
    for (method, path) in &operations {
        check(server.send(method.clone(), path, &admin, &[], None).await, method, path);
    }
    sql(&url, "ALTER TABLE hidden RENAME TO sessions").await;
    proxy.close();
    for (method, path) in &operations {
        check(server.send(method.clone(), path, &viewer, &[], None).await, method, path);
    }
    let limited =
        Server::with(&["--rate-limit-enabled", "true", "--rate-limit-general-max", "1"]).await;
    for (method, path) in operations.iter().filter(|(_, path)| path.starts_with("/api/")) {
        check(limited.send(method.clone(), path, "", &[], None).await, method, path);
    }
    for status in [200, 400, 401, 403, 404, 405, 413, 415, 429, 500, 503] {
        assert!(seen.contains(&status), "{status} is not among {seen:?}");
    }
}

#[actix_web::test]
async fn cache_control_depends_on_the_route() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (path, value) in [
        ("/api/v1/metrics", "private, no-cache"),
        ("/api/auth/me", "no-store"),
        ("/api/auth/users", "no-store"),
        ("/api/v1/audit", "no-store"),
        ("/health/circuit-breakers", "no-store"),
    ] {
        assert_eq!(
            server.get(path, &admin).await.expect(200).header("cache-control"),
            value,
            "{path}"
        );
    }
}

#[actix_web::test]
async fn security_headers_can_be_switched_off() {
    let server = Server::with(&["--csp-enabled", "false", "--hsts-enabled", "false"]).await;
    let answer = server.get("/health", "").await;
    assert_eq!(
        (answer.header("content-security-policy"), answer.header("strict-transport-security")),
        ("", "")
    );
    assert_eq!(answer.header("x-frame-options"), "DENY");
    let server = Server::with(&["--security-headers-enabled", "false"]).await;
    let answer = server.get("/health", "").await.expect(200);
    assert!(ALWAYS.iter().all(|(name, _)| answer.header(name).is_empty()));
}

#[actix_web::test]
async fn only_configured_origins_are_allowed() {
    let ask = async |server: &Server, origin: &str| {
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "x-api-key"),
        ];
        let preflight = server.send(Method::OPTIONS, "/api/v1/metrics", "", &preflight, None).await;
        let answer = server.send(Method::GET, "/api/v1", "", &[("origin", origin)], None).await;
        for answer in [&preflight, &answer] {
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert_security_headers(answer, "CORS");
        }
        let allowed = |answer: &Answer| answer.header("access-control-allow-origin").to_owned();
        (allowed(&preflight), allowed(&answer))
    };
    let (site, other) = ("https://app.example.com", "https://evil.example.com");
    let closed = Server::start().await;
    assert_eq!(ask(&closed, site).await, (String::new(), String::new()));
    let open = Server::with(&["--cors-origin", site]).await;
    assert_eq!(ask(&open, site).await, (site.to_owned(), site.to_owned()));
    assert_eq!(ask(&open, other).await, (String::new(), String::new()));
    let wide = Server::with(&["--cors-origin", "*"]).await;
    assert_eq!(ask(&wide, other).await, ("*".to_owned(), "*".to_owned()));
}

#[actix_web::test]
async fn swagger_ui_works_in_a_browser_under_its_policy() {
    let server = Server::start().await;
    let page = server.get("/api-docs/", "").await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("script-src 'self'")
            && policy.contains("style-src 'self'")
            && !policy.contains("unsafe")
    );
    let url = format!("{}/api-docs/", server.base);
    let look = move || {
        let profile = tempfile::tempdir().unwrap();
        Command::new("timeout")
            .args([
                "240",
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=15000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .output()
            .expect("chromium; scripts/test installs it")
    };
    let seen = tokio::task::spawn_blocking(look).await.unwrap();
    let (dom, console) =
        (String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
    assert!(
        dom.contains("opblock") && dom.contains("/api/v1/metrics"),
        "it shows no operation: {console}"
    );
    let complaints: Vec<&str> = console.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(
        complaints.iter().all(|line| !line.contains("Content Security Policy")),
        "{complaints:#?}"
    );
    println!("chromium's console: {complaints:?}");
}
