//! Rate limits, and the headers that report them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::proxy::Proxy;
use crate::support::{ADMIN_PASSWORD, Answer, PASSWORD, Server, database, json_body};

const LOGIN: &str = "/api/auth/login";
/// Enables the small limits only.
const ON: [&str; 6] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-general-max",
    "100000",
    "--rate-limit-burst-per-second",
    "100000",
];
/// For so many requests that some wait long for a connection.
const BEHIND: [&str; 4] = ["--trusted-proxies", "127.0.0.0/8", "--db-connection-timeout", "30000"];

/// Logs in from an address behind a trusted proxy.
async fn login_from(server: &Server, address: &str, username: &str, password: &str) -> Answer {
    let body = Some(json_body(&json!({"username": username, "password": password})));
    let headers = if address.is_empty() { Vec::new() } else { vec![("x-forwarded-for", address)] };
    server.send(Method::POST, LOGIN, "", &headers, body).await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn parallel(
    server: &Server,
    requests: usize,
    address: impl Fn(usize) -> String,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    // As many at once as file descriptors allow.
    for batch in 0..requests.div_ceil(200) {
        let one = |number: usize| {
            let address = address(batch * 200 + number);
            async move { login_from(server, &address, "admin", "a wrong password").await }
        };
        answers.extend(join_all((0..200).map(one)).await);
    }
    answers
}

#[actix_web::test]
async fn general_limit_is_exact_until_the_window_has_passed() {
    let options = [
        "--rate-limit-enabled",
        "true",
        "--rate-limit-general-max",
        "5",
        "--rate-limit-general-window",
        "60000",
        "--rate-limit-burst-per-second",
        "100000",
    ];
    let server = Server::with(&options).await;
    let began = Instant::now();
    for left in (0..5).rev() {
        let answer = server.get("/api/v1", "").await;
        assert_ne!(answer.status, 429);
        assert_eq!(answer.header("ratelimit-policy"), "\"general\";q=5;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"general\";r={left};t=")));
        assert_eq!(answer.header("ratelimit-limit"), "5");
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
    }
    let refused = server.get("/api/v1/metrics", "").await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    let passed = i64::try_from(began.elapsed().as_secs()).unwrap();
    assert!((59 - passed..=60).contains(&wait), "{wait} after {passed} s");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert_eq!(refused.header("ratelimit-reset"), wait.to_string());
    assert!(refused.json()["error"]["retryAfter"].as_str().unwrap().ends_with('Z'));
    for path in ["/health", "/health/live", "/health/ready", "/api-docs/"] {
        assert_eq!(server.get(path, "").await.expect(200).header("ratelimit"), "", "{path}");
    }
    assert!(server.reading("rate_limit_rejections_total{policy=\"general\"}").await >= 1.0);
    for _ in 0..200 {
        server.get("/api/v1", "").await.expect(429);
    }
    let lines = server.logs.lines();
    let logged: Vec<_> = lines.iter().filter(|line| line["msg"] == "rate limit exceeded").collect();
    assert!(
        logged.len() <= usize::try_from(began.elapsed().as_secs()).unwrap() / 10 + 1,
        "a flood is no flood of lines: {}",
        logged.len()
    );
    assert!(
        logged[0]["policy"] == "general"
            && logged[0]["client"] == "127.0.0.1"
            && logged[0]["route"].is_string()
    );
    server.advance(wait);
    assert_ne!(server.get("/api/v1", "").await.status, 429);
}

#[actix_web::test]
async fn concurrent_wrong_log_ins_are_limited_to_five() {
    let server = Server::with(&[&ON[..], &BEHIND].concat()).await;
    let answers = parallel(&server, 1000, |_| "203.0.113.7".into()).await;
    assert_eq!((count(&answers, 401), count(&answers, 429)), (5, 995));
    let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap();
    let refused = refused.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"auth\";q=5;w=900"));
    assert_eq!(refused.header("ratelimit-limit"), "5");
    let text = server.logs.text();
    assert!(text.contains("rate limit exceeded") && !text.contains("a wrong password"));
    let line = text.lines().find(|line| line.contains("rate limit exceeded")).unwrap();
    assert!(!line.contains("admin"), "names only as hashes: {line}");
    // The limit of an account is 50 times that of one address, so that one address does not lock
    // out the owner.
    login_from(&server, "203.0.113.8", "admin", ADMIN_PASSWORD).await.expect(200);
    // Other accounts are not affected, and the limit ends with the window.
    login_from(&server, "203.0.113.8", "unknown", "a wrong password")
        .await
        .expect_error(401, "AUTHENTICATION_ERROR");
    server.advance(refused.header("retry-after").parse().unwrap());
    login_from(&server, "203.0.113.7", "admin", ADMIN_PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn account_limit_holds_across_addresses() {
    let server = &Server::with(&[&ON[..], &BEHIND].concat()).await;
    // An account allows 50 × 5 failures from unknown addresses. Few at once, because each is
    // hashed.
    let mut answers = Vec::new();
    for batch in 0..26 {
        let one = |number: usize| {
            let address = format!("198.51.{batch}.{number}");
            async move { login_from(server, &address, "admin", "a wrong password").await }
        };
        answers.extend(join_all((0..10).map(one)).await);
    }
    assert_eq!((count(&answers, 401), count(&answers, 429)), (250, 10));
    let answers = parallel(server, 200, |number| format!("198.52.0.{number}")).await;
    assert_eq!(count(&answers, 429), 200);
    // The e-mail address is the same account.
    login_from(server, "192.0.2.1", "ADMIN@localhost", "a wrong password").await.expect(429);
}

#[actix_web::test]
async fn successful_log_ins_use_no_quota() {
    let server = Server::with(&[&ON[..], &["--registration-enabled", "true"]].concat()).await;
    for _ in 0..100 {
        server.login("admin", ADMIN_PASSWORD).await.expect(200);
    }
    for _ in 0..4 {
        server.login("admin", "a wrong password").await.expect(401);
    }
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    server.post(LOGIN, "", &json!({"username": "admin"})).await.expect(400);
    // Failed refreshes and registrations count; successful ones do not.
    let body = json!({"refresh_token": crate::support::refresh_token(&tokens)});
    server.post("/api/auth/refresh", "", &body).await.expect(200);
    let ended = json!({"refresh_token":
        crate::support::refresh_token(&server.login("admin", ADMIN_PASSWORD).await.expect(200))});
    server.post("/api/auth/logout", "", &ended).await.expect(200);
    server.post("/api/auth/refresh", "", &ended).await.expect(401);
    let eve = json!({"username": "eve", "email": "eve@example.com", "password": PASSWORD,
        "full_name": "Eve"});
    server.post("/api/auth/register", "", &eve).await.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    server.post("/api/auth/refresh", "", &body).await.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
}

#[actix_web::test]
async fn disconnected_client_has_used_its_hit() {
    let server = Server::with(&ON).await;
    let body = json!({"username": "admin", "password": "a wrong password"}).to_string();
    let request = format!(
        "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: \
         {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..5 {
        let mut stream = tokio::net::TcpStream::connect(server.base.trim_start_matches("http://"))
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stream);
    }
    database::until(&server.database_url, "SELECT count(DISTINCT hit_id) = 5 FROM rate_limit_hits")
        .await;
    server.login("admin", ADMIN_PASSWORD).await.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
}

#[actix_web::test]
async fn outage_refunds_hits() {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"];
    let server =
        Server::on(&proxy.url(&database::fresh().await), &[&ON[..], &options].concat()).await;
    server.ready().await;
    proxy.close();
    for _ in 0..20 {
        server.login("admin", "a wrong password").await.expect_error(503, "DATABASE_ERROR");
    }
    proxy.open();
    server.circuits_closed().await;
    for _ in 0..5 {
        server.login("admin", "a wrong password").await.expect(401);
    }
    server.login("admin", "a wrong password").await.expect(429);
}

#[actix_web::test]
async fn limits_are_shared_by_processes_and_survive_restart() {
    let url = database::fresh().await;
    let first = Server::on(&url, &ON).await;
    first.ready().await;
    for _ in 0..3 {
        first.login("admin", "a wrong password").await.expect(401);
    }
    let second = Server::on(&url, &ON).await;
    second.ready().await;
    for _ in 0..2 {
        second.login("admin", "a wrong password").await.expect(401);
    }
    second.login("admin", ADMIN_PASSWORD).await.expect(429);
    first.login("admin", ADMIN_PASSWORD).await.expect(429);
    first.stop().await;
    let third = Server::on(&url, &ON).await;
    third.ready().await;
    third.login("admin", ADMIN_PASSWORD).await.expect(429);
    third.advance(901);
    third.login("admin", ADMIN_PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn forwarded_header_of_untrusted_peer_is_ignored() {
    let server = Server::with(&ON).await;
    for number in 0..5 {
        let said = format!("192.0.2.{number}");
        let forwarded = format!("for={said}");
        let headers =
            [("x-forwarded-for", said.as_str()), ("forwarded", &forwarded), ("x-real-ip", &said)];
        let body = Some(json_body(
            &json!({"username": format!("u{number}"), "password": "a wrong password"}),
        ));
        server.send(Method::POST, LOGIN, "", &headers, body).await.expect(401);
    }
    login_from(&server, "192.0.2.99", "u9", "a wrong password").await.expect(429);
    let warnings = server.logs.text().matches("TRUSTED_PROXIES does not name").count();
    assert_eq!(warnings, 1, "once");
    let clients = server.logs.lines();
    assert!(
        clients
            .iter()
            .filter(|line| line["msg"] == "request")
            .all(|line| line["client"] == "127.0.0.1")
    );
}

#[actix_web::test]
async fn ipv6_counts_by_64_and_forwarded_chain_is_read_from_the_right() {
    let server = Server::with(&[&ON[..], &BEHIND].concat()).await;
    for host in 1..=5 {
        let address = format!("2001:db8:1:2::{host}");
        login_from(&server, &address, &format!("u{host}"), "a wrong password").await.expect(401);
    }
    login_from(&server, "2001:db8:1:2:ffff::9", "u9", "a wrong password").await.expect(429);
    login_from(&server, "2001:db8:1:3::9", "u9", "a wrong password").await.expect(401);
    for number in 0..5 {
        let chain = format!("9.9.9.{number}, 203.0.113.7, 127.0.0.9");
        login_from(&server, &chain, &format!("v{number}"), "a wrong password").await.expect(401);
    }
    login_from(&server, "203.0.113.7", "v9", "a wrong password").await.expect(429);
    login_from(&server, "::ffff:203.0.113.7", "v9", "a wrong password").await.expect(429);
    login_from(&server, "::ffff:203.0.113.8", "v9", "a wrong password").await.expect(401);
}

#[actix_web::test]
async fn key_creation_is_limited_to_ten_per_hour() {
    let server = Server::with(&ON).await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let (path, body) = ("/api/auth/api-keys", json!({"name": "k", "scopes": ["metrics:read"]}));
    for _ in 0..5 {
        server.post(path, &admin, &json!({"name": ""})).await.expect(400);
        server.post(path, &eva, &json!({"name": "k", "scopes": ["admin"]})).await.expect(403);
    }
    for _ in 0..10 {
        server.post(path, &admin, &body).await.expect(201);
    }
    let refused = server.post(path, &admin, &body).await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").contains("\"api_key\";q=10;w=3600"));
    server.post(path, &eva, &body).await.expect(201);
    assert!(server.reading("rate_limit_rejections_total{policy=\"api_key\"}").await >= 1.0);
    server.advance(refused.header("retry-after").parse().unwrap());
    let admin = server.admin().await;
    server.post(path, &admin, &body).await.expect(201);
}

#[actix_web::test]
async fn bursts_are_limited() {
    let options = [
        "--rate-limit-enabled",
        "true",
        "--rate-limit-general-max",
        "100000",
        "--rate-limit-burst-per-second",
        "20",
    ];
    let server = Server::with(&options).await;
    let began = Instant::now();
    let answers = join_all((0..100).map(|_| server.get("/api/v1", ""))).await;
    let took = began.elapsed();
    let refused = count(&answers, 429);
    // Twenty at once, and twenty for each second of the test.
    let through = 20.0 + 20.0 * took.as_secs_f64();
    assert!(
        refused <= 80 && 100.0 - f64::from(u32::try_from(refused).unwrap()) <= through + 1.0,
        "{refused} in {took:?}"
    );
    let counted = f64::from(u32::try_from(refused).unwrap());
    let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap();
    let refused = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("ratelimit-policy"), "\"burst\";q=20;w=1");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    for answer in join_all((0..100).map(|_| server.get("/health", ""))).await {
        answer.expect(200);
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_ne!(server.get("/api/v1", "").await.status, 429);
    assert!(server.reading("rate_limit_rejections_total{policy=\"burst\"}").await >= counted);
}

#[actix_web::test]
async fn disabled_limits_refuse_nothing() {
    let options = [
        "--rate-limit-enabled",
        "false",
        "--rate-limit-general-max",
        "1",
        "--rate-limit-auth-max",
        "1",
    ];
    let server = Server::with(&options).await;
    for _ in 0..10 {
        let answer = server.login("admin", "a wrong password").await.expect(401);
        assert_eq!(answer.header("ratelimit"), "");
    }
}
