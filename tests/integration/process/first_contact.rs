//! What an operator meets first: the start, its log, and settings that are almost right.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use mdl::telemetry::instruments::REVISION;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, command, failure, run, success};
use crate::process::logged::Logged;
use crate::support::database;

const METRICS_NOT_SERVED: &str = "metrics not served: set METRICS_PORT to a free port";

async fn is_live(address: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("http://{address}/health/live"));
    request.timeout(Duration::from_secs(10)).send().await.is_ok_and(|answer| answer.status() == 200)
}

/// Settings of a service on a PostgreSQL database of its own.
async fn environment() -> Vec<(&'static str, String)> {
    let mut environment: Vec<_> =
        SECRETS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    environment.push(("DATABASE_URL", database::fresh().await));
    environment.push(("ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()));
    environment.push(("PORT", "0".to_owned()));
    environment
}

fn start(
    folder: &std::path::Path,
    environment: &[(&str, String)],
    more: &[(&str, &str)],
) -> Logged {
    let own = environment.iter().map(|(name, value)| (*name, value.as_str()));
    Logged::start(folder, &own.chain(more.iter().copied()).collect::<Vec<_>>())
}

#[tokio::test]
async fn host_name_is_resolved_and_all_its_addresses_are_served() {
    let (folder, own) = (tempfile::tempdir().unwrap(), environment().await);
    let more = [("HOST", "localhost"), ("METRICS_PORT", "0")];
    let mut logged = start(folder.path(), &own, &more);
    let address = logged.wait_for("listening")["address"].as_str().unwrap().to_owned();
    let port = address.strip_prefix("http://localhost:").expect("the name").to_owned();
    assert!(is_live(&format!("127.0.0.1:{port}")).await);
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let resolves_to_ipv6 = std::net::ToSocketAddrs::to_socket_addrs("localhost:80")
        .unwrap()
        .any(|address| address.is_ipv6());
    assert!(!has_ipv6 || !resolves_to_ipv6 || is_live(&format!("[::1]:{port}")).await);
    let mut healthcheck = command(folder.path(), &["healthcheck"]);
    healthcheck.env("HOST", "localhost").env("PORT", &port);
    assert_eq!(success(&run(healthcheck, "")).trim(), "ok");
}

#[test]
fn first_start_of_the_embedded_mode_with_the_sample_is_six_lines() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("PORT", "0"), ("METRICS_PORT", "0")];
    let mut logged = Logged::start_with(folder.path(), &["serve", "--sample"], &environment);
    assert!(logged.wait_for("ready")["sample_items"].as_u64().unwrap() > 20);
    // Without a terminal, as here, the password is in a file.
    let created = "administrator created; log in with the password in the file, change it, and \
                   delete the file";
    // The second audit event is the import of the sample.
    let expected = ["listening", "migrations run", "audit", created, "audit", "ready"];
    let lines = logged.lines();
    let messages = lines.iter().map(|line| line["message"].as_str().unwrap());
    let messages: Vec<_> = messages.take(expected.len()).collect();
    assert_eq!(messages, expected);
}

#[test]
fn empty_numbers_are_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let empty = [
        "HOST",
        "PORT",
        "METRICS_HOST",
        "METRICS_PORT",
        "WORKERS",
        "DB_POOL_MAX",
        "LOG_FORMAT",
        "RATE_LIMIT_CALLER_MAX",
        "AUDIT_RETENTION_DAYS",
        "HSTS_ENABLED",
        "ADMIN_SOCKET",
    ];
    // Another process may have the port already; then that is the one that is in use.
    let holder = TcpListener::bind("127.0.0.1:3000").ok();
    let mut serve = command(folder.path(), &["serve"]);
    serve.envs(SECRETS).env("DATABASE_URL", "postgres://u@127.0.0.1:1/db");
    serve.env("ADMIN_PASSWORD", ADMIN_PASSWORD).envs(empty.map(|name| (name, "")));
    let message = failure(&run(serve, ""));
    assert!(message.contains("HOST, PORT: 127.0.0.1:3000: "), "the defaults: {message}");
    drop(holder);
    let mut wrong = command(folder.path(), &["healthcheck"]);
    wrong.env("PORT", "").env("WORKERS", "none");
    assert!(failure(&run(wrong, "")).contains("WORKERS"));
}

/// Another process may have the port already; then that is the one that is in use.
fn take_default_metrics_port() -> Option<TcpListener> {
    TcpListener::bind("127.0.0.1:9090").ok()
}

#[tokio::test]
async fn default_metrics_port_in_use_costs_the_metrics_only() {
    let (folder, own) = (tempfile::tempdir().unwrap(), environment().await);
    let holder = take_default_metrics_port();
    let mut logged = start(folder.path(), &own, &[]);
    let warning = logged.wait_for(METRICS_NOT_SERVED);
    assert_eq!(warning["level"], "warning");
    assert!(warning["error"].as_str().unwrap().contains("127.0.0.1:9090"), "{warning}");
    logged.wait_for("ready");
    let warnings = logged.lines();
    assert_eq!(warnings.iter().filter(|line| line["message"] == METRICS_NOT_SERVED).count(), 1);

    // A second instance with the same ports has one message.
    let address = logged.wait_for("listening")["address"].as_str().unwrap().to_owned();
    let mut second = command(folder.path(), &["serve"]);
    second.envs(own.iter().map(|(name, value)| (*name, value.as_str()))).env("LOG_FORMAT", "json");
    second.env("PORT", address.rsplit_once(':').unwrap().1);
    let output = tokio::task::spawn_blocking(move || run(second, "")).await.unwrap();
    let message = failure(&output);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("HOST, PORT: ") && message.contains("set PORT"), "{message}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(METRICS_NOT_SERVED));
    drop(holder);
}

#[tokio::test]
async fn metrics_host_that_is_not_of_this_machine_is_an_error() {
    let (folder, own) = (tempfile::tempdir().unwrap(), environment().await);
    let mut serve = command(folder.path(), &["serve"]);
    serve.envs(own.iter().map(|(name, value)| (*name, value.as_str())));
    // Reserved for documentation (RFC 5737). No METRICS_PORT: only its use may cost the metrics.
    serve.env("METRICS_HOST", "203.0.113.1");
    let output = tokio::task::spawn_blocking(move || run(serve, "")).await.unwrap();
    let message = failure(&output);
    assert!(message.contains("METRICS_HOST, METRICS_PORT: 203.0.113.1:9090: "), "{message}");
}

#[tokio::test]
async fn misspelt_names_in_env_file_are_warned_of() {
    let (folder, own) = (tempfile::tempdir().unwrap(), environment().await);
    let file = "RATE_LIMIT_ENABLD=false\nMDL_COLOUR=SECRET\nPOSTGRES_USER=x\nNODE_ENV=test\n";
    std::fs::write(folder.path().join(".env"), file).unwrap();
    let output = run(command(folder.path(), &["openapi"]), "");
    success(&output);
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(warnings.lines().count(), 2, "{warnings}");
    assert!(
        warnings.contains("RATE_LIMIT_ENABLD in .env ignored; did you mean RATE_LIMIT_ENABLED?")
    );
    assert!(warnings.contains("MDL_COLOUR") && !warnings.contains("SECRET"), "{warnings}");

    let mut logged = start(folder.path(), &own, &[("METRICS_PORT", "0")]);
    logged.wait_for("ready");
    let lines = logged.lines();
    let unknown = lines.iter().filter(|line| line["message"] == "unknown variable in .env ignored");
    let names: Vec<_> = unknown.map(|line| (&line["variable"], &line["similar"])).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.iter().any(|(name, right)| {
            *name == "RATE_LIMIT_ENABLD" && *right == "RATE_LIMIT_ENABLED"
        })
    );
}

#[test]
fn revision_is_that_of_the_repository() {
    let folder = env!("CARGO_MANIFEST_DIR");
    if let Some(given) = option_env!("MDL_REVISION").filter(|given| !given.is_empty()) {
        return assert_eq!(REVISION, given);
    }
    if !std::path::Path::new(folder).join(".git").exists() {
        return assert_eq!(REVISION, "unknown", "a source archive has no revision");
    }
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "-C", folder, "rev-parse", "HEAD"]);
    let head = success(&git.output().expect("git"));
    assert_eq!((REVISION.len(), head.starts_with(REVISION)), (12, true), "{REVISION}, {head}");
}

/// The lines up to `ready`, but those of the audit log.
fn start_lines(logged: &Logged) -> Vec<serde_json::Value> {
    let mut lines = logged.lines();
    let ready = lines.iter().position(|line| line["message"] == "ready").unwrap();
    lines.truncate(ready + 1);
    lines.retain(|line| line["message"] != "audit");
    lines
}

#[tokio::test]
async fn start_is_logged_in_six_lines_with_migrations_by_name() {
    let (folder, mut own) = (tempfile::tempdir().unwrap(), environment().await);
    own[2].1 = database::empty().await;
    let more = [("METRICS_PORT", "0"), ("SMTP_URL", "smtp://127.0.0.1:1")];
    let mut first = start(folder.path(), &own, &more);
    first.wait_for("ready");
    let lines = start_lines(&first);
    assert!(lines.len() <= 6, "{lines:#?}");
    let run = lines.iter().find(|line| line["message"] == "migrations run").unwrap();
    let names: Vec<&str> = run["migrations"].as_str().unwrap().split(", ").collect();
    assert_eq!(run["count"], names.len());
    assert!(names.contains(&"2026-11-24-000001_create_users"), "{names:?}");
    let mut instances: Vec<_> = lines.iter().map(|line| line["instance"].clone()).collect();
    instances.dedup();
    assert_eq!(instances.len(), 1, "one process");
    for (text, line) in first.text().iter().zip(first.lines()) {
        let head = ["timestamp", "level", "message", "service", "version", "instance", "module"];
        let mut rest = text.as_str();
        for name in head {
            let at = rest.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}: {text}"));
            rest = &rest[at..];
        }
        assert!(text.starts_with("{\"timestamp\":"), "{text}");
        assert_eq!((&line["service"], &line["version"]), (&"mdl".into(), &"0.1.0".into()));
    }
    assert_eq!(first.end("-TERM"), Some(0));

    let mut again = start(folder.path(), &own, &more);
    again.wait_for("ready");
    let lines = start_lines(&again);
    assert!(lines.len() <= 6, "{lines:#?}");
    assert!(lines.iter().all(|line| line["message"] != "migrations run"));
    assert!(lines.iter().all(|line| line["instance"] != instances[0]), "another process");
}
