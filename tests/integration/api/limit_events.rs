//! The log event `rate limit exceeded`: its fields for every policy, and a flood of refusals that
//! is counted instead of logged.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mdl::credentials::api_keys::ApiKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::logs::Captured;
use crate::support::{Answer, Server, json_body};

const METRIC: &str = "/api/v1/metrics/m-1";
const LOGIN: &str = "/api/auth/login";
const RESET: &str = "/api/auth/password-reset/request";
const KEYS: &str = "/api/auth/api-keys";

/// A server whose limits are only those given.
async fn limited(options: &[&str]) -> Server {
    let on = ["--rate-limit-enabled", "true", "--trusted-proxies", "127.0.0.1"];
    Server::with(&[&on[..], options].concat()).await
}

fn events(logs: &Captured) -> Vec<Value> {
    let mut lines = logs.lines();
    lines.retain(|line| line["msg"] == "rate limit exceeded");
    lines
}

/// Sends a request of a client with a name and an address, and an id of its own.
async fn send(
    server: &Server,
    (method, path): (Method, &str),
    (header, secret): (&str, &str),
    id: &str,
    body: Option<Value>,
) -> Answer {
    let headers = [
        ("x-request-id", id),
        ("user-agent", "probe/1.0"),
        ("x-forwarded-for", "192.0.2.7"),
        (header, secret),
    ];
    let headers = if header.is_empty() { &headers[..3] } else { &headers[..] };
    server.send(method, path, "", headers, body.as_ref().map(json_body)).await
}

/// Asserts that the log has one event of this policy, with these fields.
fn assert_logged(
    server: &Server,
    policy: &str,
    id: &str,
    (method, path, route): (&str, &str, &str),
) {
    let logged = events(&server.logs);
    let of_policy: Vec<_> = logged.iter().filter(|event| event["policy"] == policy).collect();
    assert_eq!(of_policy.len(), 1, "{logged:#?}");
    let expected = json!({
        "level": "WARN", "msg": "rate limit exceeded", "policy": policy, "client": "192.0.2.7",
        "method": method, "path": path, "route": route, "user_agent": "probe/1.0",
        "request_id": id,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&of_policy[0][field], value, "{policy}, {field}");
    }
    assert!(of_policy[0]["repeated"].is_null());
}

fn subject(server: &Server, policy: &str) -> Value {
    let logged = events(&server.logs);
    logged.iter().find(|event| event["policy"] == policy).unwrap()["subject"].clone()
}

fn assert_pseudonym(subject: &Value) {
    let text = subject.as_str().expect("a subject");
    assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
}

#[actix_web::test]
async fn small_limits_log_the_request_that_they_refuse() {
    let server = limited(&[
        "--rate-limit-general-max",
        "100000",
        "--rate-limit-api-key-max",
        "1",
        "--rate-limit-password-reset-max",
        "1",
        "--rate-limit-unknown-key-max",
        "1",
    ])
    .await;
    let bearer = format!("Bearer {}", server.admin().await);
    let login = json!({"username": "admin", "password": "a wrong password"});
    for _ in 0..5 {
        send(&server, (Method::POST, LOGIN), ("", ""), "a-1", Some(login.clone())).await;
    }
    let refused = send(&server, (Method::POST, LOGIN), ("", ""), "a-2", Some(login)).await;
    refused.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
    assert_logged(&server, "auth", "a-2", ("POST", LOGIN, LOGIN));
    assert_pseudonym(&subject(&server, "auth"));

    let draft = json!({"name": "ci", "scopes": ["metrics:read"]});
    let credential = ("authorization", bearer.as_str());
    send(&server, (Method::POST, KEYS), credential, "k-1", Some(draft.clone())).await.expect(201);
    send(&server, (Method::POST, KEYS), credential, "k-2", Some(draft)).await.expect(429);
    assert_logged(&server, "api_key", "k-2", ("POST", KEYS, KEYS));
    assert_pseudonym(&subject(&server, "api_key"));

    let email = json!({"email": "eva@example.com"});
    send(&server, (Method::POST, RESET), ("", ""), "r-1", Some(email.clone())).await.expect(202);
    send(&server, (Method::POST, RESET), ("", ""), "r-2", Some(email)).await.expect(429);
    assert_logged(&server, "password_reset", "r-2", ("POST", RESET, RESET));
    assert_pseudonym(&subject(&server, "password_reset"));

    for (id, status) in [("u-1", 401), ("u-2", 429)] {
        let key = ApiKey::generate();
        let credential = ("x-api-key", key.expose());
        send(&server, (Method::GET, METRIC), credential, id, None).await.expect(status);
    }
    let route = "/api/v1/metrics/{id}";
    assert_logged(&server, "unknown_key", "u-2", ("GET", METRIC, route));
    assert_eq!(subject(&server, "unknown_key"), Value::Null);
    for policy in ["auth", "api_key", "password_reset", "unknown_key"] {
        let series = format!("rate_limit_rejections_total{{policy=\"{policy}\"}}");
        assert!((server.reading(&series).await - 1.0).abs() < 0.5, "{policy}");
    }
}

#[actix_web::test]
async fn general_and_caller_limits_log_the_request_that_they_refuse() {
    let caller = ["--rate-limit-general-max", "1", "--rate-limit-caller-max", "3"];
    let server = limited(&caller).await;
    let (id, key) = {
        let admin = server.admin().await;
        server.key(&admin, &["metrics:read"]).await
    };
    for number in 1..=3 {
        let number = format!("c-{number}");
        send(&server, (Method::GET, METRIC), ("x-api-key", &key), &number, None).await.expect(404);
    }
    send(&server, (Method::GET, METRIC), ("x-api-key", &key), "c-4", None).await.expect(429);
    let route = "/api/v1/metrics/{id}";
    assert_logged(&server, "caller", "c-4", ("GET", METRIC, route));
    assert_eq!(subject(&server, "caller"), format!("key {id}"));
    send(&server, (Method::GET, METRIC), ("", ""), "g-1", None).await.expect(401);
    send(&server, (Method::GET, METRIC), ("", ""), "g-2", None).await.expect(429);
    assert_logged(&server, "general", "g-2", ("GET", METRIC, route));
    assert_eq!(subject(&server, "general"), Value::Null);
}

#[actix_web::test]
async fn burst_limit_logs_the_request_that_it_refuses() {
    let server =
        limited(&["--rate-limit-general-max", "100000", "--rate-limit-burst-per-second", "1"])
            .await;
    let until = Instant::now() + Duration::from_mins(1);
    let mut number = 0;
    let refused = loop {
        assert!(Instant::now() < until, "no request is refused");
        number += 1;
        let id = format!("b-{number}");
        if send(&server, (Method::GET, METRIC), ("", ""), &id, None).await.status == 429 {
            break id;
        }
    };
    assert_logged(&server, "burst", &refused, ("GET", METRIC, "/api/v1/metrics/{id}"));
    assert_eq!(subject(&server, "burst"), Value::Null);
    let counted = server.reading("rate_limit_rejections_total{policy=\"burst\"}").await;
    assert!((counted - 1.0).abs() < 0.5, "{counted}");
}

/// Sends 10,000 requests, and checks that the log adds up to those that were refused.
async fn flood(policy: &str, options: &[&str]) {
    let server = limited(options).await;
    let (logs, began, mut refused) = (server.logs.clone(), Instant::now(), 0);
    let before = logs.lines().len();
    for _ in 0..100 {
        let answers = join_all((0..100).map(|_| server.get("/api/v1", ""))).await;
        refused += answers.iter().filter(|answer| answer.status == 429).count();
    }
    let series = format!("rate_limit_rejections_total{{policy=\"{policy}\"}}");
    let counted = server.reading(&series).await;
    server.stop().await;
    assert!(refused > 5_000, "{refused}");
    let exact = f64::from(u32::try_from(refused).unwrap());
    assert!((counted - exact).abs() < 0.5, "{counted} of {refused}");
    let logged = events(&logs);
    let (first, repeated) = logged.split_first().expect("an event");
    assert!(first["client"].is_string() && first["repeated"].is_null(), "{first}");
    assert!(repeated.iter().all(|event| {
        event["level"] == "WARN" && event["policy"] == policy && event["client"].is_null()
    }));
    let sum: u64 = repeated.iter().map(|event| event["repeated"].as_u64().unwrap()).sum();
    assert_eq!(1 + sum, u64::try_from(refused).unwrap(), "{logged:#?}");
    // One in ten seconds, and one at shutdown.
    let intervals = usize::try_from(began.elapsed().as_secs() / 10).unwrap();
    assert!(repeated.len() <= intervals + 1, "{logged:#?}");
    let lines = &logs.lines()[before..];
    let others = lines.iter().filter(|line| line["level"] != "DEBG" && line["status"].is_null());
    assert!(others.count() <= 2 * intervals + 20, "a flood is no flood of lines");
}

#[actix_web::test]
async fn ten_thousand_general_refusals_add_up_in_a_few_lines() {
    let burst = ["--rate-limit-burst-per-second", "100000"];
    let general_options = [&burst[..], &["--rate-limit-general-max", "1"]].concat();
    Box::pin(flood("general", &general_options)).await;
}

#[actix_web::test]
async fn ten_thousand_burst_refusals_add_up_in_a_few_lines() {
    let general = ["--rate-limit-general-max", "100000"];
    let burst_options = [&general[..], &["--rate-limit-burst-per-second", "1"]].concat();
    Box::pin(flood("burst", &burst_options)).await;
}

#[actix_web::test]
async fn repeated_refusals_are_reported_without_a_further_event() {
    let server = limited(&["--rate-limit-general-max", "1"]).await;
    server.get("/api/v1", "").await;
    for _ in 0..4 {
        server.get("/api/v1", "").await.expect(429);
    }
    let until = Instant::now() + Duration::from_mins(2);
    while !events(&server.logs).iter().any(|event| event["repeated"] == 3) {
        assert!(Instant::now() < until, "{:#?}", events(&server.logs));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(events(&server.logs).len(), 2);
}
