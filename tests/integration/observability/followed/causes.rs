//! What makes alerts fire, and what their runbooks do about it. Each returns the alerts that fired
//! and resolved.

use std::time::{Duration, Instant};

use serde_json::json;

use super::operator::Operator;
use crate::observability::faults::{Faults, SinkFault};
use crate::observability::runbooks::Runbook;
use crate::observability::tools::Tool;
use crate::support::database;
use crate::support::mail::MailServer;

/// Requests that hold or wait for connections.
const CALLS: usize = 12;

async fn user(operator: &Operator, name: &str) {
    let body = json!({"username": name, "email": format!("{name}@example.com"),
        "password": "some password for tests", "full_name": name, "role": "viewer"});
    let created = operator.post("/api/auth/users", &body).await;
    assert!(created["user"]["user_id"].is_string(), "{created}");
}

/// Mails cannot be sent; then the address of the mail server is corrected.
pub async fn mail_server_gone(operator: &mut Operator) -> Vec<&'static str> {
    let page = Runbook::open("unsent-mail.md");
    operator.serve(&[("SMTP_URL", "smtp://127.0.0.1:1")]).await;
    user(operator, "ann").await;
    let request = json!({"email": "ann@example.com"});
    // A counter that has not been scraped yet has not increased.
    tokio::time::sleep(Duration::from_secs(5)).await;
    operator.post("/api/auth/password-reset/request", &request).await;
    operator.fires("MdlMailsFailing").await;
    page.says("`failed to send password reset mail` with `cause` and `error`. `smtp`:");
    let lines = operator.logged("failed to send password reset mail");
    assert_eq!(lines[0]["cause"], "smtp", "{lines:?}");
    page.says("Correct `SMTP_URL` or `MAIL_FROM` (certificate, password, sender) and restart");
    let mails = MailServer::start();
    operator.serve(&[("SMTP_URL", &format!("smtp://127.0.0.1:{}", mails.port))]).await;
    page.says("Mails are not sent again: users request another one");
    operator.post("/api/auth/password-reset/request", &request).await;
    operator.resolves("MdlMailsFailing").await;
    page.says("`mails_total{outcome=\"sent\"}` rises with the next request");
    assert!(!operator.prometheus.query("mails_total{outcome=\"sent\"} > 0").await.is_empty());
    vec!["MdlMailsFailing"]
}

/// The sink of the logs answers 503, and then works again.
pub async fn log_sink_gone(operator: &mut Operator) -> Vec<&'static str> {
    let page = Runbook::open("logs-not-shipped.md");
    let sink = Tool::elasticsearch();
    let faults = Faults::start(sink.url());
    let url = faults.url();
    operator.serve(&[("ELASTICSEARCH_ENABLED", "true"), ("ELASTICSEARCH_URL", &url)]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    faults.set(SinkFault::Status(503));
    let began = Instant::now();
    while !operator.prometheus.fires("MdlLogsNotShipped").await {
        operator.get("/api/v1").await;
        assert!(began.elapsed() < Duration::from_secs(90), "MdlLogsNotShipped does not fire");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("MdlLogsNotShipped fires after {:.1} s", began.elapsed().as_secs_f64());
    page.says("`log sink unavailable; retrying` with `sink`, `error` and `buffered`");
    let lines = operator.logged("log sink unavailable; retrying");
    assert!(lines[0]["sink"] == "elasticsearch" && lines[0]["error"].is_string(), "{lines:?}");
    assert!(lines[0]["buffered"].is_number(), "{lines:?}");
    page.says("MDL needs nothing to continue: it retries at most 30 s apart");
    faults.set(SinkFault::None);
    operator.resolves("MdlLogsNotShipped").await;
    page.says("`log sink available again` with `dropped_so_far`");
    let lines = operator.logged("log sink available again");
    assert_eq!(lines[0]["dropped_so_far"], 0, "{lines:?}");
    operator.serve(&[]).await;
    vec!["MdlLogsNotShipped"]
}

/// Passwords are guessed from many addresses and one, until the guesser gives up.
pub async fn guesses_and_a_flood(operator: &Operator) -> Vec<&'static str> {
    let (failures, limits) = (Runbook::open("login-failures.md"), Runbook::open("rate-limited.md"));
    let (mut number, began) = (0_u32, Instant::now());
    let (mut guessed, mut limited) = (false, false);
    while !(guessed && limited) {
        assert!(began.elapsed() < Duration::from_secs(90), "{guessed}, {limited}");
        for _ in 0..4 {
            number += 1;
            for from in [format!("2001:db8:{number:x}::1"), "2001:db8::1".to_owned()] {
                let guess = json!({"username": format!("nobody{number}"), "password": "wrong"});
                let path = format!("{}/api/auth/login", operator.base);
                let request = operator.http.post(path).header("x-forwarded-for", from);
                request.json(&guess).send().await.unwrap();
            }
        }
        guessed |= operator.prometheus.fires("MdlLoginFailures").await;
        limited |= operator.prometheus.fires("MdlRateLimited").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("both fire after {number} rounds, {:.1} s", began.elapsed().as_secs_f64());
    failures.says("refusals by account and address, with `occurrences`");
    let blocks = failures.blocks();
    let audit = blocks.iter().find(|block| block.contains("login.failed")).unwrap();
    let (code, text) = operator.types(audit.trim()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("login.failed") && text.contains("\"occurrences\""), "{text}");
    limits.says("`rate limit exceeded` in the log with `policy`, `client`, `path`, `route`");
    let lines = operator.logged("rate limit exceeded");
    assert!(lines.iter().any(|line| line["policy"] == "auth"), "{lines:?}");
    // Of IPv6 a network is one client.
    assert!(lines.iter().any(|line| line["client"] == "2001:db8::/64"), "{lines:?}");
    failures.says("Unknown clients: block the addresses at the proxy.");
    operator.resolves("MdlLoginFailures").await;
    operator.resolves("MdlRateLimited").await;
    vec!["MdlLoginFailures", "MdlRateLimited"]
}

/// A transaction of somebody else holds locks, until it is ended.
pub async fn locked_tables(operator: &Operator) -> Vec<&'static str> {
    let page = Runbook::open("pool-exhausted.md");
    // A series that begins with a slow request has no rate yet.
    assert_eq!(operator.get("/api/v1/domains").await, 200);
    let guess = json!({"username": "admin", "password": "wrong"});
    operator.post("/api/auth/login", &guess).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let blocker = database::connect(&operator.database_url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE business_domains, users").await.unwrap();
    let pid = blocker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let request = if number % 2 == 0 {
                operator.http.get(format!("{}/api/v1/domains?limit={}", operator.base, number + 1))
            } else {
                operator.http.post(format!("{}/api/auth/login", operator.base)).json(&guess)
            };
            let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
            let request = request.bearer_auth(&operator.token);
            tokio::spawn(request.send())
        })
        .collect();
    operator.fires("MdlPoolExhausted").await;
    operator.fires("MdlPoolWaiting").await;
    page.says("what the connections do (`state`, `wait_event_type`) and what blocks them");
    let rows = database::sql(&operator.database_url, &page.statement()).await;
    let blocked = rows.iter().find(|row| row[4].contains(&pid.to_string()));
    assert!(blocked.is_some_and(|row| row[2] == "Lock"), "{pid}: {rows:?}");
    page.says("Calls are slow: correct that first");
    let latency = Runbook::open("latency-high.md");
    let rows = database::sql(&operator.database_url, &latency.statement()).await;
    assert!(rows.iter().any(|row| row[4].contains(&pid.to_string())), "{pid}: {rows:?}");
    blocker.batch_execute("ROLLBACK").await.unwrap();
    for call in calls {
        let answer = call.await.unwrap().unwrap();
        assert!(answer.status().as_u16() < 500, "{answer:?}");
    }
    operator.resolves("MdlPoolExhausted").await;
    operator.resolves("MdlPoolWaiting").await;
    operator.fires("MdlLatencyHigh").await;
    latency.says("`request` events with a high `duration_ms`");
    let slow = |line: &serde_json::Value| line["duration_ms"].as_f64().unwrap() > 1000.0;
    assert!(operator.logged("request").iter().any(slow));
    latency.says("when 99 % of requests take less than a second again");
    operator.resolves("MdlLatencyHigh").await;
    vec!["MdlPoolExhausted", "MdlPoolWaiting", "MdlLatencyHigh"]
}

/// An operator isolates a circuit, and closes it when the work is over.
pub async fn isolated_circuit(operator: &Operator) -> Vec<&'static str> {
    let page = Runbook::open("circuit-open.md");
    let (code, text) = operator.types("mdl circuits isolate metrics --reason test").await;
    assert_eq!(code, Some(0), "{text}");
    let began = Instant::now();
    while !operator.prometheus.fires("MdlErrorRatioHigh").await {
        let search: u32 = rand::random();
        let status = operator.get(&format!("/api/v1/metrics?search=a{search}")).await;
        assert_eq!(status, 503);
        assert!(began.elapsed() < Duration::from_secs(90), "MdlErrorRatioHigh does not fire");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("MdlErrorRatioHigh fires after {:.1} s", began.elapsed().as_secs_f64());
    operator.fires("MdlCircuitOpen").await;
    Runbook::open("error-ratio-high.md").says("503 and a circuit is open: [circuit-open.md]");
    page.says("`status` distinguishes open from isolated");
    let (code, text) = operator.types("mdl circuits").await;
    assert!(code == Some(3) && text.contains("isolated"), "{code:?}: {text}");
    page.says("`circuit isolated` is an operator's action, with name and reason");
    assert!(!operator.logged("circuit isolated").is_empty());
    let blocks = page.blocks();
    let close = blocks.iter().find(|block| block.contains("circuits close")).unwrap();
    let (code, text) = operator.types(close.trim()).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(operator.get("/api/v1/metrics?search=again").await, 200);
    operator.resolves("MdlCircuitOpen").await;
    operator.resolves("MdlErrorRatioHigh").await;
    vec!["MdlCircuitOpen", "MdlErrorRatioHigh"]
}

/// A lock keeps the last uses of keys from being written.
pub async fn unwritten_last_uses(operator: &Operator) -> Vec<&'static str> {
    let page = Runbook::open("last-used-late.md");
    let key = json!({"name": "ci", "scopes": ["metrics:read"]});
    let key = operator.post("/api/auth/api-keys", &key).await;
    let key = key["api_key"].as_str().unwrap().to_owned();
    let use_key = async || {
        let request = operator.http.get(format!("{}/api/v1/metrics", operator.base));
        request.header("x-api-key", &key).send().await.unwrap().status().as_u16()
    };
    assert_eq!(use_key().await, 200);
    let blocker = database::connect(&operator.database_url).await;
    // Keys can be read, so users notice nothing.
    blocker.batch_execute("BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE").await.unwrap();
    let pid = blocker.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    page.says("Users notice nothing: keys work.");
    let began = Instant::now();
    while !operator.prometheus.fires("MdlLastUsedLate").await {
        assert_eq!(use_key().await, 200);
        assert!(began.elapsed() < Duration::from_secs(90), "MdlLastUsedLate does not fire");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("MdlLastUsedLate fires after {:.1} s", began.elapsed().as_secs_f64());
    let rows = database::sql(&operator.database_url, &page.statement()).await;
    assert!(rows.iter().any(|row| row[2].contains(&pid.to_string())), "{pid}: {rows:?}");
    page.says("Another transaction holds a lock: end it.");
    blocker.batch_execute("ROLLBACK").await.unwrap();
    operator.resolves("MdlLastUsedLate").await;
    vec!["MdlLastUsedLate"]
}

/// Nobody sends a request; then somebody does.
pub async fn silence(operator: &Operator) -> Vec<&'static str> {
    let page = Runbook::open("no-traffic.md");
    operator.fires("MdlNoTraffic").await;
    let (code, text) = operator.types("mdl healthcheck --ready").await;
    assert_eq!(code, Some(0), "{text}");
    page.says("send a request every few minutes from where users are, for instance `GET /api/v1`");
    let began = Instant::now();
    while operator.prometheus.fires("MdlNoTraffic").await {
        assert_eq!(operator.get("/api/v1").await, 200);
        assert!(began.elapsed() < Duration::from_secs(90), "MdlNoTraffic does not resolve");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("MdlNoTraffic resolves after {:.1} s", began.elapsed().as_secs_f64());
    vec!["MdlNoTraffic"]
}

/// The process has ended, and is started again.
pub async fn stopped_instance(operator: &mut Operator) -> Vec<&'static str> {
    let page = Runbook::open("down.md");
    let log = operator.stop();
    operator.fires("MdlDown").await;
    let (code, text) = operator.types("mdl healthcheck --ready").await;
    assert_eq!(code, Some(1), "{text}");
    page.says("`stopping` with a `reason`, then `stopped`: it was stopped.");
    let at = |message| log.iter().position(|line| line["message"] == message);
    assert!(at("stopping") < at("stopped") && at("stopping").is_some(), "{log:?}");
    page.says("The process has ended: start it again.");
    // Waits until the alert has resolved.
    operator.serve(&[]).await;
    vec!["MdlDown"]
}
