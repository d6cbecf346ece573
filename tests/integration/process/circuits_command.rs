//! `mdl circuits`, as an operator uses it while the database is unavailable.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, run, success};
use crate::process::logged::Logged;
use crate::support::database;
use crate::support::proxy::Proxy;

fn port(base: &str) -> &str {
    base.rsplit_once(':').unwrap().1
}

/// Runs `mdl circuits` beside the runtime, which drives the proxy.
async fn circuits(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut circuits = command(folder, &[&["circuits"], arguments].concat());
    circuits.envs(environment.iter().copied());
    tokio::task::spawn_blocking(move || run(circuits, "")).await.unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the lines of the table after its head, without the pool.
fn rows(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("CIRCUIT") && lines.last().unwrap().starts_with("pool:"),
        "{text}"
    );
    lines[1..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

fn state<'a>(rows: &'a [String], circuit: &str) -> &'a str {
    let row = rows.iter().find(|row| row.split_whitespace().next() == Some(circuit)).unwrap();
    row.split_whitespace().nth(1).unwrap()
}

/// The system user that runs the tests, and with them the service and the command.
fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

async fn log_in(serving: &Serving) -> u16 {
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let request = serving.http.post(format!("{}/api/auth/login", serving.base)).json(&body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn circuits_are_shown_and_controlled_while_the_database_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(true).await;
    let url = proxy.url(&database::fresh().await);
    let environment = [
        SECRETS[0],
        SECRETS[1],
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("DB_CONNECTION_TIMEOUT", "500"),
        // Outlasts the test, so that circuits stay open.
        ("CIRCUIT_BREAKER_RESET_TIMEOUT", "600000"),
    ];
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    let at = [("PORT", port(&serving.base))];
    let before = circuits(folder.path(), &at, &[]).await;
    assert_eq!(before.status.code(), Some(0), "{}", stderr(&before));
    assert_eq!(rows(&before).len(), 4);

    proxy.close();
    let began = Instant::now();
    let open = loop {
        log_in(&serving).await;
        let shown = circuits(folder.path(), &at, &["status"]).await;
        if state(&rows(&shown), "auth") == "open" {
            break shown;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "it does not open: {:?}", rows(&shown));
    };
    assert_eq!(open.status.code(), Some(3));
    assert!(stderr(&open).contains("auth is open"), "{}", stderr(&open));
    let auth = rows(&open).into_iter().find(|row| row.starts_with("auth ")).unwrap();
    assert!(auth.contains("server unavailable: "), "{auth}");

    let isolate = ["isolate", "metrics", "--reason", "maintenance"];
    let isolated = circuits(folder.path(), &at, &isolate).await;
    success(&isolated);
    assert_eq!(state(&rows(&isolated), "metrics"), "isolated");
    let shown = circuits(folder.path(), &at, &["status", "metrics", "--json"]).await;
    assert_eq!(shown.status.code(), Some(3));
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let last = &shown["breakers"]["metrics"]["last_transitions"][0];
    let user = format!("local socket user {}", own_uid());
    assert_eq!(last["cause"], format!("isolate by {user}: maintenance"));

    // Without the socket it is an ordinary request: no log-in is possible now.
    let remote = circuits(folder.path(), &[], &["--url", &serving.base]).await;
    assert_eq!(remote.status.code(), Some(1));
    assert!(stderr(&remote).contains("AUTHENTICATION_ERROR"), "{}", stderr(&remote));

    proxy.open();
    success(&circuits(folder.path(), &at, &["reset", "metrics"]).await);
    success(&circuits(folder.path(), &at, &["close", "all"]).await);
    assert_eq!(circuits(folder.path(), &at, &[]).await.status.code(), Some(0));
    let token = serving.login(ADMIN_PASSWORD).await;
    let with_token = [("MDL_TOKEN", token.as_str())];
    let remote = circuits(folder.path(), &with_token, &["--url", &serving.base]).await;
    assert_eq!(rows(&remote).len(), 4, "{}", stderr(&remote));

    let began = Instant::now();
    loop {
        let path = "/api/v1/audit?action=circuit.controlled&limit=100";
        let audit = serving.get(path, &token).await;
        let events = audit["data"].as_array().unwrap();
        if events.len() == 6 {
            assert!(events.iter().all(|event| event["actor"] == user.as_str()), "{audit}");
            assert!(events.iter().all(|event| event["channel"] == "command"), "{audit}");
            assert!(events.iter().any(|event| event["details"]["reason"] == "maintenance"));
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{audit}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(serving.terminate(), Some(0));
}

#[tokio::test]
async fn wrong_use_and_a_missing_service_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let code = |output: &Output| output.status.code();
    let missing = circuits(folder.path(), &[("PORT", "1")], &[]).await;
    assert_eq!(code(&missing), Some(1));
    let message = stderr(&missing);
    assert!(message.contains("data/admin-1.sock") && message.contains("--url"), "{message}");
    let unnamed = circuits(folder.path(), &[], &["isolate"]).await;
    assert_eq!(code(&unnamed), Some(2));
    assert!(stderr(&unnamed).contains("isolate metrics|domains|auth|api_keys|all"));
    let unknown = circuits(folder.path(), &[], &["close", "everything"]).await;
    assert_eq!(code(&unknown), Some(2));
}

/// Starts a service on this socket; returns it when it listens.
fn listening(folder: &Path, url: &str, socket: &Path) -> Logged {
    let environment = [
        SECRETS[0],
        SECRETS[1],
        ("DATABASE_URL", url),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("ADMIN_SOCKET", socket.to_str().unwrap()),
        ("PORT", "0"),
        ("METRICS_PORT", "0"),
    ];
    let mut logged = Logged::start(folder, &environment);
    logged.wait_for("ready");
    logged
}

const NOT_AVAILABLE: &str = "admin socket not available: set ADMIN_SOCKET to a path that can be \
                             created";

#[tokio::test]
async fn socket_is_private_replaced_when_stale_and_removed_at_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let socket: PathBuf = folder.path().join("admin.sock");
    let url = database::fresh().await;
    let first = listening(folder.path(), &url, &socket);
    let file = std::fs::symlink_metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.mode() & 0o777, 0o600);

    let mut second = listening(folder.path(), &url, &socket);
    let warning = second.wait_for(NOT_AVAILABLE);
    assert_eq!(warning["error"], "another process serves it");
    assert_eq!(warning["level"], "warning");
    assert_eq!(second.end("-TERM"), Some(0));
    let inode = std::fs::symlink_metadata(&socket).unwrap().ino();
    assert_eq!(inode, file.ino(), "the socket of the first process is kept");

    first.end("-KILL");
    assert!(socket.exists(), "a process that is killed cannot remove it");
    let third = listening(folder.path(), &url, &socket);
    let environment = [("ADMIN_SOCKET", socket.to_str().unwrap())];
    success(&circuits(folder.path(), &environment, &["status"]).await);
    // As a new version during an upgrade, which starts before the old one stops.
    let mut successor = listening(folder.path(), &url, &socket);
    successor.wait_for(NOT_AVAILABLE);
    assert_eq!(third.end("-TERM"), Some(0));
    successor.wait_for("admin socket available");
    success(&circuits(folder.path(), &environment, &["status"]).await);
    assert_eq!(successor.end("-TERM"), Some(0));
    assert!(!socket.exists());

    // A path that cannot be created costs only the socket.
    let blocked = folder.path().join("file").join("admin.sock");
    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut fourth = listening(folder.path(), &url, &blocked);
    fourth.wait_for(NOT_AVAILABLE);
}
