//! Two processes on one database behind a real haproxy, as `docs/scaling.md` describes: what they
//! share, and what each of them counts alone. How fast one follows the other is in `replicas`,
//! restarts of one are in `rolling_restart`.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command};
use crate::process::haproxy::{HaProxy, lasting_port, number};
use crate::support::database;

/// One process notices what another has changed: milliseconds, or a poll if a notification is lost.
const LIMIT: Duration = Duration::from_secs(2);
const CLIENT: &str = "203.0.113.9";

struct Cluster {
    processes: [Serving; 2],
    proxy: HaProxy,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
        let ports = [lasting_port(), lasting_port()];
        let start = async |port: u16| {
            let port = port.to_string();
            let own = [
                ("DATABASE_URL", url.as_str()),
                ("ADMIN_PASSWORD", ADMIN_PASSWORD),
                ("PORT", port.as_str()),
                ("TRUSTED_PROXIES", "127.0.0.1"),
            ];
            let environment = [&SECRETS[..], &own, variables].concat();
            let serve = command(folder.path(), &["serve"]);
            Serving::start_as(serve, folder.path(), &environment).await
        };
        let processes = [start(ports[0]).await, start(ports[1]).await];
        Self { processes, proxy: HaProxy::start(ports, &[]).await, _folder: folder }
    }

    /// Requests that haproxy has sent to each process.
    async fn served(&self) -> [u64; 2] {
        let mut served = [0; 2];
        for (count, name) in served.iter_mut().zip(["mdl1", "mdl2"]) {
            *count = number(&self.proxy.server(name).await, "stot");
        }
        served
    }
}

/// A request with one header.
async fn ask(base: &str, path: &str, (name, value): (&str, &str)) -> StatusCode {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("{base}{path}")).header(name, value).send().await.unwrap().status()
}

async fn send(method: Method, base: &str, path: &str, token: &str, body: &Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{base}{path}")).bearer_auth(token).json(body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs haproxy: scripts/test"]
async fn session_is_valid_at_both_processes_until_one_of_them_ends_it() {
    let cluster = Cluster::start(&[]).await;
    let [one, other] = &cluster.processes;
    let log_in = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let begun = send(Method::POST, &one.base, "/api/auth/login", "", &log_in).await;
    let token = begun["tokens"]["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let header = ("authorization", bearer.as_str());
    let before = cluster.served().await;
    for _ in 0..10 {
        assert_eq!(ask(&cluster.proxy.base, "/api/auth/me", header).await, 200);
    }
    for (served, before) in cluster.served().await.iter().zip(before) {
        assert!(served - before >= 4, "haproxy sent the requests to one process");
    }
    let refresh = json!({"refresh_token": begun["tokens"]["refresh_token"]});
    send(Method::POST, &other.base, "/api/auth/logout", token, &refresh).await;
    assert_eq!(ask(&other.base, "/api/auth/me", header).await, 401);
    let refused = async || ask(&one.base, "/api/auth/me", header).await == 401;
    until("ended session", refused).await;
    for _ in 0..10 {
        assert_eq!(ask(&cluster.proxy.base, "/api/auth/me", header).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs haproxy: scripts/test"]
async fn revoked_key_is_refused_through_the_proxy() {
    let cluster = Cluster::start(&[]).await;
    let base = &cluster.proxy.base;
    let token = cluster.processes[0].login(ADMIN_PASSWORD).await;
    let body = json!({"name": "k", "scopes": ["metrics:read"]});
    let made = send(Method::POST, base, "/api/auth/api-keys", &token, &body).await;
    let key = ("x-api-key", made["api_key"].as_str().unwrap());
    for _ in 0..10 {
        assert_eq!(ask(base, "/api/v1/metrics", key).await, 200);
    }
    let path = format!("/api/auth/api-keys/{}", made["key_info"]["id"].as_str().unwrap());
    send(Method::DELETE, base, &path, &token, &json!({})).await;
    for process in &cluster.processes {
        let refused = async || ask(&process.base, "/api/v1/metrics", key).await == 401;
        until("revoked key", refused).await;
    }
    for _ in 0..10 {
        assert_eq!(ask(base, "/api/v1/metrics", key).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs haproxy: scripts/test"]
async fn change_through_one_process_replaces_what_the_other_has_cached() {
    let cluster = Cluster::start(&[]).await;
    let [one, other] = &cluster.processes;
    let token = one.login(ADMIN_PASSWORD).await;
    let domain = json!({"domain_id": "d", "name": "Before"});
    send(Method::POST, &one.base, "/api/v1/domains", &token, &domain).await;
    let name = async |serving: &Serving| {
        serving.get("/api/v1/domains/d", &token).await["data"]["name"].clone()
    };
    until("new domain", async || name(other).await == "Before").await;
    for number in 0..20 {
        let renamed = json!({"name": format!("After {number}")});
        send(Method::PUT, &one.base, "/api/v1/domains/d", &token, &renamed).await;
        assert_eq!(name(one).await, renamed["name"], "a process reads its own writes");
        until("renamed domain", async || name(other).await == renamed["name"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs haproxy: scripts/test"]
async fn general_limit_is_of_each_process_and_failed_log_ins_are_of_both() {
    let limits = [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_GENERAL_MAX", "8")];
    let cluster = Cluster::start(&limits).await;
    let wrong = async |base: &str| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let body = json!({"username": "nobody", "password": "a wrong password"});
        let request = client.post(format!("{base}/api/auth/login")).json(&body);
        request.header("x-forwarded-for", "203.0.113.10").send().await.unwrap().status()
    };
    let [one, other] = &cluster.processes;
    for base in [&one.base, &other.base, &one.base, &other.base, &one.base] {
        assert_eq!(wrong(base).await, 401);
    }
    for base in [&one.base, &other.base] {
        assert_eq!(wrong(base).await, 429, "five failed log-ins are of both processes together");
    }
    // Health checks of haproxy are not counted.
    for process in &cluster.processes {
        for _ in 0..8 {
            let status = ask(&process.base, "/api/v1", ("x-forwarded-for", CLIENT)).await;
            assert_eq!(status, 200, "each process counts alone");
        }
        let status = ask(&process.base, "/api/v1", ("x-forwarded-for", CLIENT)).await;
        assert_eq!(status, 429);
    }
    // Another client is not affected: the address comes from the header that the proxy sets.
    let status = ask(&one.base, "/api/v1", ("x-forwarded-for", "203.0.113.11")).await;
    assert_eq!(status, 200);
    // Through the proxy it is the client's own; one that it invents does not count.
    let address = IpAddr::from([127, 0, 0, 2]);
    let client = reqwest::Client::builder().no_proxy().local_address(address).build().unwrap();
    let mut refused = 0;
    for number in 0..18 {
        let request = client.get(format!("{}/api/v1", cluster.proxy.base));
        let request = request.header("x-forwarded-for", format!("198.51.100.{number}"));
        refused += u32::from(request.send().await.unwrap().status() == 429);
    }
    assert_eq!(refused, 2, "two processes serve twice the quota");
}
