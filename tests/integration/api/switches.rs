//! Every switch of the configuration, on and off, over HTTP: what it is for happens only while it
//! is on. A switch without a row here fails the test of the table.

use std::time::{Duration, Instant};

use clap::CommandFactory;
use clap::builder::ValueParser;
use futures_util::future::{LocalBoxFuture, join_all};
use reqwest::Method;
use serde_json::json;

use crate::support::notifications::Listener;
use crate::support::proxy::Proxy;
use crate::support::{Server, database, json_body};

/// Tells whether what the switch is for happens on a service with these options.
type Probe = fn(Vec<&'static str>) -> LocalBoxFuture<'static, bool>;

/// Variables, and how their effect is seen.
const SWITCHES: [(&str, Probe); 10] = [
    ("RATE_LIMIT_ENABLED", |options| Box::pin(third_request_is_refused(options))),
    ("CIRCUIT_BREAKER_ENABLED", |options| Box::pin(circuit_opens(options))),
    ("SECURITY_HEADERS_ENABLED", |options| Box::pin(has(options, "x-content-type-options"))),
    ("CSP_ENABLED", |options| Box::pin(has(options, "content-security-policy"))),
    ("HSTS_ENABLED", |options| Box::pin(has(options, "strict-transport-security"))),
    ("NOTIFY_ENABLED", |options| Box::pin(change_is_announced(options))),
    ("METRICS_ENABLED", |options| Box::pin(metrics_are_served(options))),
    ("ANONYMOUS_READ", |options| Box::pin(anonymous_read_succeeds(options))),
    ("REGISTRATION_ENABLED", |options| Box::pin(registration_succeeds(options))),
    ("REQUIRE_IF_MATCH", |options| Box::pin(change_without_condition_is_refused(options))),
];
/// Switches whose effect is not seen in responses: `process::shipping_switches`.
const OF_LOGS: [&str; 2] = ["AWS_CLOUDWATCH_ENABLED", "ELASTICSEARCH_ENABLED"];

async fn third_request_is_refused(options: Vec<&str>) -> bool {
    let server = Server::with(&[&options[..], &["--rate-limit-general-max", "2"]].concat()).await;
    server.get("/api/v1", "").await.expect(200);
    server.get("/api/v1", "").await.expect(200);
    server.get("/api/v1", "").await.status == 429
}

async fn circuit_opens(options: Vec<&str>) -> bool {
    let proxy = Proxy::start(true).await;
    let quick = ["--db-connection-timeout", "500", "--circuit-breaker-timeout", "500"];
    let options = [&options[..], &quick].concat();
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    proxy.close();
    for answer in join_all((0..20).map(|_| server.get("/api/v1/metrics", &admin))).await {
        answer.expect_error(503, "DATABASE_ERROR");
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let (circuits, _) = server.state().db.report().await.unwrap();
        if circuits.iter().any(|report| report.state.as_ref() == "open") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn has(options: Vec<&str>, header: &str) -> bool {
    let server = Server::with(&options).await;
    let answer = server.get("/api-docs/", "").await.expect(200);
    !answer.header(header).is_empty()
}

async fn change_is_announced(options: Vec<&str>) -> bool {
    let server = Server::with(&options).await;
    let mut listener = Listener::start(&server.database_url, "mdl_catalogue").await;
    server.domains(&server.admin().await).await;
    listener.count().await > 0
}

async fn metrics_are_served(options: Vec<&str>) -> bool {
    let server = Server::with(&options).await;
    server.get("/health", "").await.expect(200);
    let Some(url) = server.metrics.clone() else { return false };
    reqwest::get(url).await.is_ok_and(|answer| answer.status() == 200)
}

async fn anonymous_read_succeeds(options: Vec<&str>) -> bool {
    let server = Server::with(&options).await;
    let answer = server.get("/api/v1/metrics", "").await;
    assert!([200, 401].contains(&answer.status), "{}", answer.text);
    answer.status == 200
}

async fn registration_succeeds(options: Vec<&str>) -> bool {
    let server = Server::with(&options).await;
    let body = json!({"username": "eva", "email": "eva@example.com", "full_name": "Eva",
                      "password": "a long enough password"});
    let answer = server.post("/api/auth/register", "", &body).await;
    assert!([201, 404].contains(&answer.status), "{}", answer.text);
    answer.status == 201
}

async fn change_without_condition_is_refused(options: Vec<&str>) -> bool {
    let server = Server::with(&options).await;
    let admin = server.admin().await;
    let domain = json!({"domain_id": "d", "name": "D"});
    server.post("/api/v1/domains", &admin, &domain).await.expect(201);
    let body = Some(json_body(&json!({"name": "E"})));
    let answer = server.send(Method::PUT, "/api/v1/domains/d", &admin, &[], body).await;
    assert!([200, 428].contains(&answer.status), "{}", answer.text);
    answer.status == 428
}

/// Returns the variables of all options that are true or false, each with its default.
fn declared() -> Vec<(String, bool)> {
    let boolean = ValueParser::bool().type_id();
    let command = mdl::app::cli::Cli::command();
    let switches = command.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_str()?.to_owned();
        let default = argument.get_default_values().first()?.to_str()?.parse().ok()?;
        (argument.get_value_parser().type_id() == boolean).then_some((name, default))
    });
    switches.collect()
}

#[test]
fn every_switch_is_in_the_table() {
    let declared = declared();
    assert!(declared.iter().any(|(name, default)| name == "CSP_ENABLED" && *default));
    let tested = SWITCHES.iter().map(|(name, _)| *name).chain(OF_LOGS);
    let mut tested: Vec<&str> = tested.collect();
    let mut names: Vec<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    tested.sort_unstable();
    names.sort_unstable();
    assert_eq!(tested, names);
}

#[actix_web::test]
async fn switch_decides_over_http_and_its_default_is_the_documented_one() {
    let defaults = declared();
    for (name, probe) in SWITCHES {
        let option: &'static str = format!("--{}", name.to_lowercase().replace('_', "-")).leak();
        assert!(probe(vec![option, "true"]).await, "{name}=true");
        assert!(!probe(vec![option, "false"]).await, "{name}=false");
        // The server of the tests sets this one itself.
        if name != "RATE_LIMIT_ENABLED" {
            let default = defaults.iter().find(|(known, _)| known == name).unwrap().1;
            assert_eq!(probe(vec![]).await, default, "{name}");
        }
    }
}
