//! A rolling restart of two processes behind a real haproxy: no request fails, and each write is
//! stored once. The restarts run alone (`scripts/test`), because a machine that is too busy to
//! answer a health check is a fault, too.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command};
use crate::process::haproxy::{HaProxy, configuration, lasting_port, number};
use crate::process::steady_clients::{Client, Load, Outcome, now};
use crate::support::database;
use crate::support::raw::RawAnswer;

/// Number of clients of each kind: writers and readers, by access token and by API key.
const CLIENTS: usize = 2;
/// Fewest writes between two restarts.
const WRITES: usize = 30;
/// Changes of the configuration with which haproxy passes TCP connections through and knows no
/// HTTP but its health checks, as a service of Kubernetes and other load balancers for TCP.
const PASS_THROUGH: [(&str, &str); 5] = [
    ("mode http", "mode tcp"),
    ("option httplog", "option tcplog"),
    ("option forwardfor", ""),
    ("option http-server-close", ""),
    ("retry-on conn-failure", ""),
];

/// What haproxy distributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Requests,
    Connections,
}

impl Unit {
    /// Waits until a process has work. Connections stay where they are, so a process that was
    /// started again has none of them until the other one stops.
    pub async fn wait_for_work(self, proxy: &HaProxy, name: &str) {
        match self {
            Self::Requests => {
                let before = number(&proxy.server(name).await, "stot");
                proxy.until(name, |row| number(row, "stot") > before + 50).await;
            }
            Self::Connections => proxy.until(name, |row| number(row, "scur") > 0).await,
        }
    }
}

/// Starts a process of the present binary behind a proxy, on this port.
async fn start(folder: &Path, url: &str, port: u16) -> Serving {
    start_as(command(folder, &["serve"]), folder, url, port).await
}

/// Starts a process behind a proxy with a command that serves.
pub async fn start_as(command: Command, folder: &Path, url: &str, port: u16) -> Serving {
    let port = port.to_string();
    let variables = [
        ("DATABASE_URL", url),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("PORT", port.as_str()),
        // The default: much longer than it takes haproxy to see that the process is not ready.
        ("SHUTDOWN_DELAY", "5000"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    Serving::start_as(command, folder, &[&SECRETS[..], &variables].concat()).await
}

async fn post(serving: &Serving, path: &str, token: &str, body: &Value) -> Value {
    let request = serving.http.post(format!("{}{path}", serving.base)).bearer_auth(token);
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED, "{path}");
    answer.json().await.unwrap()
}

/// Stops a process with work. The proxy and all clients leave it first.
pub async fn stop_under_load(process: &mut Serving, proxy: &HaProxy, name: &str, unit: Unit) {
    unit.wait_for_work(proxy, name).await;
    println!("{name}: SIGTERM at {}", now());
    process.signal("TERM");
    proxy.until(name, |row| row["status"] == "DOWN" && row["scur"] == "0").await;
    // The clients have left by themselves: it still serves those that would not have.
    assert!(process.child.try_wait().unwrap().is_none(), "{}", proxy.log());
    TcpStream::connect(process.base.trim_start_matches("http://")).await.expect("a listener");
    let ended = async {
        while process.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), ended).await.expect("it does not stop");
    assert_eq!(process.wait(), Some(0));
    println!("{name}: exited at {}", now());
}

/// Starts clients of each kind, which write and read until the load is stopped.
pub async fn start_clients(
    serving: &Serving,
    proxy: &HaProxy,
    load: &Arc<Load>,
) -> JoinSet<Outcome> {
    let token = serving.login(ADMIN_PASSWORD).await;
    post(serving, "/api/v1/domains", &token, &json!({"domain_id": "d", "name": "Finance"})).await;
    let scopes = json!(["metrics:read", "metrics:write", "domains:read"]);
    let key = json!({"name": "k", "scopes": scopes});
    let key = post(serving, "/api/auth/api-keys", &token, &key).await;
    let mut clients = JoinSet::new();
    let (bearer, key) = (format!("Bearer {token}"), key["api_key"].as_str().unwrap());
    for (kind, credential) in
        [("authorization", bearer.as_str()), ("x-api-key", key)].into_iter().enumerate()
    {
        for number in 0..CLIENTS {
            let client = || Client::new(&proxy.base, credential);
            clients.spawn(client().write(kind * CLIENTS + number, load.clone()));
            clients.spawn(client().read(load.clone()));
        }
    }
    clients
}

/// Stops the clients, and asserts that no request has failed and each write is stored once.
pub async fn assert_no_failures(
    mut clients: JoinSet<Outcome>,
    load: &Load,
    proxy: &HaProxy,
    url: &str,
) {
    load.stop.store(true, Ordering::SeqCst);
    let mut all = Outcome::default();
    while let Some(outcome) = clients.join_next().await {
        let Outcome { requests, acknowledged, failures, longest, slowest } = outcome.unwrap();
        all.requests += requests;
        all.acknowledged.extend(acknowledged);
        all.failures.extend(failures);
        if longest > all.longest {
            (all.longest, all.slowest) = (longest, slowest);
        }
    }
    for name in ["mdl1", "mdl2"] {
        let row = proxy.server(name).await;
        let counters = ["stot", "econ", "eresp", "wretr", "wredis"];
        println!("{name}: {:?}", counters.map(|column| format!("{column}={}", row[column])));
    }
    println!(
        "{} requests, {} writes, {} failed, longest {:.1?} ({})",
        all.requests,
        all.acknowledged.len(),
        all.failures.len(),
        all.longest,
        all.slowest
    );
    assert!(all.failures.is_empty(), "{:#?}\n{}", all.failures, proxy.log());
    assert_stored_once(url, all.acknowledged).await;
}

/// Restarts both processes in turn, twice, while clients write and read.
async fn restart_under_load(unit: Unit, changes: &[(&str, &str)]) {
    let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
    let folder = folder.path();
    let ports = [lasting_port(), lasting_port()];
    let mut processes = [start(folder, &url, ports[0]).await, start(folder, &url, ports[1]).await];
    let (proxy, load) = (HaProxy::start(ports, changes).await, Arc::new(Load::default()));
    let clients = start_clients(&processes[0], &proxy, &load).await;
    for round in 1..=2 {
        for (process, (name, port)) in
            processes.iter_mut().zip([("mdl1", ports[0]), ("mdl2", ports[1])])
        {
            stop_under_load(process, &proxy, name, unit).await;
            let row = proxy.server(name).await;
            assert_eq!(
                (row["status"].as_str(), number(&row, "chkdown")),
                ("DOWN", round),
                "{row:?}"
            );
            *process = start(folder, &url, port).await;
            println!("{name}: ready at {}", now());
            proxy.until(name, |row| row["status"] == "UP").await;
            if unit == Unit::Requests {
                unit.wait_for_work(&proxy, name).await;
            }
            load.wait_for_writes(WRITES).await;
        }
    }
    assert_no_failures(clients, &load, &proxy, &url).await;
}

/// Asserts that these metrics are stored, no others, and that each was created once.
async fn assert_stored_once(url: &str, mut acknowledged: Vec<String>) {
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    acknowledged.sort_unstable();
    let ids = async |query: &str| database::sql(url, query).await.concat();
    let stored = ids("SELECT metric_id FROM metrics ORDER BY metric_id COLLATE \"C\"").await;
    assert_eq!(stored, acknowledged);
    let created = "SELECT target FROM audit_events WHERE action = 'metric.created' \
                   ORDER BY target COLLATE \"C\"";
    assert_eq!(ids(created).await, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs alone: scripts/test"]
async fn rolling_restart_fails_no_request() {
    restart_under_load(Unit::Requests, &[]).await;
}

/// Other load balancers keep connections to the service open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs alone: scripts/test"]
async fn rolling_restart_fails_no_request_on_kept_connections() {
    let changes = [("option http-server-close", "option http-keep-alive")];
    restart_under_load(Unit::Requests, &changes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs alone: scripts/test"]
async fn rolling_restart_fails_no_request_on_connections_that_are_passed_through() {
    restart_under_load(Unit::Connections, &PASS_THROUGH).await;
}

/// Sends a request on a connection that is open. Returns the response.
async fn get(stream: &mut TcpStream, path: &str) -> RawAnswer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    loop {
        let answer = RawAnswer::parse(&response);
        if answer.header("content-length").parse() == Ok(answer.body.len()) {
            return answer;
        }
        assert_ne!(stream.read_buf(&mut response).await.unwrap(), 0, "{answer:?}");
    }
}

#[tokio::test]
async fn kept_connection_ends_with_its_first_response_after_sigterm() {
    let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("SHUTDOWN_DELAY", "300000"),
    ];
    let mut serving =
        Serving::start(folder.path(), &[&SECRETS[..], &variables].concat(), &[]).await;
    let connect = || TcpStream::connect(serving.base.trim_start_matches("http://"));
    // Each with the status that it has in the end: a success, a refusal, and an unknown route.
    let paths = [("/health/live", 200), ("/api/v1/metrics", 401), ("/x", 404)];
    let mut kept = Vec::new();
    for (path, expected) in paths {
        let mut stream = connect().await.unwrap();
        let answer = get(&mut stream, path).await;
        assert_eq!((answer.status, answer.header("connection")), (expected, ""), "{path}");
        kept.push(stream);
    }
    serving.signal("TERM");
    let mut ending = JoinSet::new();
    for ((path, expected), mut stream) in paths.into_iter().zip(kept) {
        ending.spawn(async move {
            let began = Instant::now();
            loop {
                let answer = get(&mut stream, path).await;
                assert_eq!(answer.status, expected, "{path}");
                if answer.header("connection") == "close" {
                    break;
                }
                // The signal is not handled yet.
                assert!(began.elapsed() < Duration::from_secs(30), "{path}: {answer:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "{path}");
        });
    }
    while let Some(ended) = ending.join_next().await {
        ended.unwrap();
    }
    // A second signal does not wait for the rest of the delay.
    serving.signal("TERM");
    assert_eq!(serving.wait(), Some(143));
}

#[test]
fn documented_lines_are_those_of_the_configuration() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/resilience.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```haproxy\n").expect("a snippet");
    let (snippet, _) = rest.split_once("```").unwrap();
    assert!(snippet.contains("/health/ready"), "{snippet}");
    let configuration = configuration();
    let has = |line: &str| configuration.lines().any(|own| own.trim() == line.trim());
    let unknown: Vec<&str> = snippet.lines().filter(|line| !has(line)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
