//! Two processes on one database: what one of them revokes, the other refuses in time, also when
//! notifications are lost. Runs alone (`scripts/test`), because the times are asserted in one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};
use crate::support::database;

const PASSWORD: &str = "some password for tests";

async fn post(serving: &Serving, path: &str, token: &str, body: &Value) -> Value {
    let request =
        serving.http.post(format!("{}{path}", serving.base)).bearer_auth(token).json(body);
    request.send().await.unwrap().json().await.unwrap()
}

async fn key(serving: &Serving, token: &str) -> (String, String) {
    let body = json!({"name": "k", "scopes": ["metrics:read"]});
    let made = post(serving, "/api/auth/api-keys", token, &body).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (text(&made["key_info"]["id"]), text(&made["api_key"]))
}

async fn status(serving: &Serving, header: &str, value: &str) -> u16 {
    let request =
        serving.http.get(format!("{}/api/v1/metrics", serving.base)).header(header, value);
    request.send().await.unwrap().status().as_u16()
}

/// Measures for how long a key is still accepted.
async fn until_refused(serving: &Serving, key: &str) -> Duration {
    until_unauthorised(serving, "x-api-key", key).await
}

/// Measures for how long a credential is still accepted.
async fn until_unauthorised(serving: &Serving, header: &str, value: &str) -> Duration {
    let began = Instant::now();
    while status(serving, header, value).await != 401 {
        assert!(began.elapsed() < Duration::from_secs(30), "it is never refused");
    }
    began.elapsed()
}

/// Prints the times of some trials, and sorts them. Returns the median, the 99th percentile (of
/// fewer than a hundred trials the longest but one), and the longest.
fn summarize(what: &str, times: &mut [Duration]) -> (Duration, Duration, Duration) {
    times.sort_unstable();
    let (median, p99, longest) = (
        times[times.len() / 2],
        times[times.len() * 99 / 100 - usize::from(times.len() < 100)],
        times[times.len() - 1],
    );
    println!(
        "{what}: median {median:.1?}, 99th percentile {p99:.1?}, longest {longest:.1?}, {} trials",
        times.len()
    );
    (median, p99, longest)
}

/// The bound when notifications are lost: the epoch is polled every second, and one more for the
/// machine.
const POLLED: Duration = Duration::from_secs(2);

/// Passes bytes to the cluster and back. While `drops` is set, nothing of the server passes on
/// connections that listen, and they stay open.
async fn dropping_proxy(drops: Arc<AtomicBool>) -> u16 {
    let target: u16 = database::cluster().rsplit_once(':').unwrap().1.parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let drops = Arc::clone(&drops);
            tokio::spawn(async move {
                let server = TcpStream::connect(("localhost", target)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let listens = Arc::new(AtomicBool::new(false));
                let seen = Arc::clone(&listens);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 65_536];
                    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                        if bytes[..length].windows(7).any(|word| word == b"LISTEN ") {
                            seen.store(true, Ordering::SeqCst);
                        }
                        if to_server.write_all(&bytes[..length]).await.is_err() {
                            break;
                        }
                    }
                });
                let mut bytes = vec![0; 65_536];
                while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                    let swallowed = listens.load(Ordering::SeqCst) && drops.load(Ordering::SeqCst);
                    if !swallowed && to_client.write_all(&bytes[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

struct Two {
    one: Serving,
    other: Serving,
    drops: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn two() -> Two {
    let (folder, url, drops) =
        (tempfile::tempdir().unwrap(), database::fresh().await, Arc::new(AtomicBool::new(false)));
    let name = url.rsplit_once('/').unwrap().1;
    let through = format!(
        "postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable",
        dropping_proxy(Arc::clone(&drops)).await
    );
    let with = |url: &str| {
        let own = [
            ("DATABASE_URL", url.to_owned()),
            ("ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
            ("LOG_LEVEL", "warning,mdl::app=info".to_owned()),
        ];
        SECRETS
            .map(|(name, value)| (name, value.to_owned()))
            .into_iter()
            .chain(own)
            .collect::<Vec<_>>()
    };
    let (direct, through) = (with(&url), with(&through));
    let one = Serving::start(folder.path(), &borrowed(&direct), &[]).await;
    let other = Serving::start(folder.path(), &borrowed(&through), &[]).await;
    Two { one, other, drops, _folder: folder }
}

/// Revokes on one process and measures on the other.
async fn trials(two: &Two, token: &str, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let (id, key) = key(&two.one, token).await;
        assert_eq!(status(&two.other, "x-api-key", &key).await, 200);
        let revoke = two
            .one
            .http
            .delete(format!("{}/api/auth/api-keys/{id}", two.one.base))
            .bearer_auth(token);
        assert_eq!(revoke.send().await.unwrap().status(), 200);
        times.push(until_refused(&two.other, &key).await);
        assert_eq!(status(&two.one, "x-api-key", &key).await, 401);
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_key_is_refused_on_all_replicas() {
    let two = two().await;
    let token = two.one.login(ADMIN_PASSWORD).await;
    let mut times = trials(&two, &token, 200).await;
    let (_, p99, _) = summarize("revoked on one process, refused by the other", &mut times);
    assert!(p99 <= Duration::from_millis(250), "{times:?}");
    two.drops.store(true, Ordering::SeqCst);
    let mut times = trials(&two, &token, 10).await;
    let (_, _, longest) = summarize("the same with notifications lost", &mut times);
    assert!(longest <= POLLED, "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reduced_authority_acts_on_all_replicas() {
    let two = two().await;
    let admin = two.one.login(ADMIN_PASSWORD).await;
    for (drops, bound) in [(false, Duration::from_millis(250)), (true, POLLED)] {
        two.drops.store(drops, Ordering::SeqCst);
        let mut times = reduce(&two, &admin, &format!("eva{}", u8::from(drops))).await;
        let what = format!("reduced on one process, acts on the other, lost: {drops}");
        let (_, _, longest) = summarize(&what, &mut times);
        assert!(longest <= bound, "notifications lost: {drops}: {times:?}");
    }
}

/// Lowers a role twice, suspends, and changes a password on one process. Returns the times until
/// the other acts on it.
async fn reduce(two: &Two, admin: &str, name: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    let user = json!({"username": name, "email": format!("{name}@example.com"),
        "password": PASSWORD,
                      "full_name": "E", "role": "editor"});
    let id = post(&two.one, "/api/auth/users", admin, &user).await["user"]["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let log_in = async || -> String {
        let body = json!({"username": name, "password": PASSWORD});
        post(&two.one, "/api/auth/login", "", &body).await["tokens"]["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let change = async |body: Value| {
        let request =
            two.one.http.put(format!("{}/api/auth/users/{id}", two.one.base)).bearer_auth(admin);
        assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    };
    let writes = async |header: &str, value: &str| {
        let request = two
            .other
            .http
            .put(format!("{}/api/v1/metrics/none", two.other.base))
            .header(header, value);
        request.json(&json!({})).send().await.unwrap().status().as_u16()
    };
    // A lower role: 403 instead of 404, for the key and for the token.
    let token = log_in().await;
    let body = json!({"name": "k", "scopes": ["metrics:read", "metrics:write"]});
    let made = post(&two.one, "/api/auth/api-keys", &token, &body).await;
    let key = made["api_key"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    for (header, value) in [("x-api-key", key), ("authorization", &bearer)] {
        change(json!({"role": "editor"})).await;
        let until = Instant::now() + Duration::from_secs(5);
        while writes(header, value).await != 404 {
            assert!(Instant::now() < until);
        }
        change(json!({"role": "viewer"})).await;
        let began = Instant::now();
        while writes(header, value).await != 403 {
            assert!(began.elapsed() < Duration::from_secs(30), "{header} still writes as a viewer");
        }
        times.push(began.elapsed());
    }
    // Suspension and back: the key works again, the token does not.
    change(json!({"status": "suspended", "keep_api_keys": true})).await;
    times.push(until_refused(&two.other, key).await);
    times.push(until_unauthorised(&two.other, "authorization", &bearer).await);
    change(json!({"status": "active"})).await;
    let until = Instant::now() + Duration::from_secs(5);
    while status(&two.other, "x-api-key", key).await != 200 {
        assert!(Instant::now() < until);
    }
    // A changed password.
    let (mine, another) = (log_in().await, format!("Bearer {}", log_in().await));
    assert_eq!(status(&two.other, "authorization", &another).await, 200);
    let body = json!({"current_password": PASSWORD, "new_password": "another password for tests"});
    post(&two.one, "/api/auth/change-password", &mine, &body).await;
    // Keys and sessions end by events of their own.
    times.push(until_refused(&two.other, key).await);
    times.push(until_unauthorised(&two.other, "authorization", &another).await);
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_use_is_written_at_shutdown() {
    let mut two = two().await;
    let token = two.one.login(ADMIN_PASSWORD).await;
    let mut used = Vec::new();
    for _ in 0..20 {
        let (id, key) = key(&two.one, &token).await;
        assert_eq!(status(&two.other, "x-api-key", &key).await, 200);
        used.push(id);
    }
    assert_eq!(two.other.terminate(), Some(0));
    let listed = two.one.get("/api/auth/api-keys", &token).await;
    for key in listed["api_keys"].as_array().unwrap() {
        assert!(used.iter().any(|id| key["id"] == id.as_str()));
        assert!(key["last_used_at"].is_string(), "{key}");
    }
}
