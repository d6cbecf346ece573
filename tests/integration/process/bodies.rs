//! Many clients whose bodies never arrive: each connection is closed in time, its memory is freed,
//! and other clients are served meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};
use crate::support::database;

const CROWD: usize = 1000;
const MIB: u64 = 1024 * 1024;

/// Resident memory of the process, in bytes.
fn resident(serving: &Serving) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{}/statm", serving.child.id())).unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Returns the largest resident memory that the process had so far, in bytes.
fn peak(serving: &Serving) -> u64 {
    let path = format!("/proc/{}/status", serving.child.id());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Sends the beginning of a body and, if `drip` is set, a byte each second. Returns the status and
/// how long the connection lasted.
async fn hold(base: &str, number: usize, beginning: usize, drip: bool) -> (String, Duration) {
    let socket = TcpSocket::new_v4().unwrap();
    // From several addresses, because connections are limited by address.
    socket.bind(format!("127.0.0.{}:0", 2 + number % 250).parse().unwrap()).unwrap();
    let stream = socket.connect(base.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 60000\r\n\r\n";
    let began = Instant::now();
    write.write_all(head.as_bytes()).await.unwrap();
    write.write_all(&vec![b' '; beginning]).await.unwrap();
    let dripping = async {
        if drip {
            tokio::time::sleep(Duration::from_secs(1)).await;
            while write.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut answer) => {}
        () = dripping => {}
        () = tokio::time::sleep(Duration::from_secs(40)) => {}
    }
    (String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect(), began.elapsed())
}

/// Opens a thousand connections with half-sent and a thousand with dripping bodies.
async fn crowd(base: &str) -> Vec<(String, Duration)> {
    let half = (0..CROWD).map(|number| hold(base, number, 50_000, false));
    let dripping = (0..CROWD).map(|number| hold(base, number, 1, true));
    let (half, dripping) = tokio::join!(join_all(half), join_all(dripping));
    [half, dripping].concat()
}

/// Sends requests one after the other until `enough` is set. Returns the sorted times.
async fn ask(serving: &Serving, key: &str, enough: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !enough.load(Ordering::SeqCst) {
        let began = Instant::now();
        let request =
            serving.http.get(format!("{}/api/v1/metrics", serving.base)).header("x-api-key", key);
        assert!(request.send().await.unwrap().status().is_success());
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures resident memory and time: alone, with --ignored"]
async fn incomplete_bodies_are_closed_in_time_and_free_their_memory() {
    let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        SECRETS[0],
        SECRETS[1],
    ];
    let serving = Serving::start(folder.path(), &environment, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let body = serde_json::json!({"name": "k", "scopes": ["metrics:read"]});
    let made = serving
        .http
        .post(format!("{}/api/auth/api-keys", serving.base))
        .bearer_auth(&token)
        .json(&body);
    let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
    let key = made["api_key"].as_str().unwrap();
    let fresh = resident(&serving);
    let enough = Arc::new(AtomicBool::new(false));
    let crowd = async {
        let closed = crowd(&serving.base).await;
        enough.store(true, Ordering::SeqCst);
        closed
    };
    let (closed, times) = tokio::join!(crowd, ask(&serving, key, Arc::clone(&enough)));
    let longest = closed.iter().map(|(_, after)| *after).max().unwrap();
    for (status, after) in &closed {
        assert_eq!(status, "408");
        assert!(*after < Duration::from_secs(15), "{after:?}");
    }
    let (mut after, ended) = (resident(&serving), Instant::now());
    // The allocator returns unused pages to the system within ten seconds.
    while after > fresh + 8 * MIB && ended.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        after = resident(&serving);
    }
    println!(
        "{} bodies: last connection closed after {longest:.1?}; resident {} MiB before, {} MiB \
         {:.0?} after; \
         {} reads meanwhile, median {:.1?}, 99th percentile {:.1?}",
        closed.len(),
        fresh / MIB,
        after / MIB,
        ended.elapsed(),
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    assert!(after <= fresh + 8 * MIB, "{} MiB more", (after - fresh) / MIB);
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(50), "reads meanwhile: 99th percentile {p99:.1?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures resident memory and time: alone, with --ignored"]
async fn half_sent_imports_hold_bounded_memory_and_are_closed_in_time() {
    let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        SECRETS[0],
        SECRETS[1],
    ];
    let serving = Serving::start(folder.path(), &environment, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let address = serving.base.trim_start_matches("http://");
    let fresh = resident(&serving);
    let import = async || {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /api/v1/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {token}\r\nContent-Length: 8000000\r\n\r\n"
        );
        let began = Instant::now();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refused import may be closed before its body is sent.
        let _ = stream.write_all(&vec![b' '; 4 * 1024 * 1024]).await;
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(40), reading).await;
        (String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect(), began.elapsed())
    };
    let closed: Vec<(String, Duration)> = join_all((0..60).map(|_| import())).await;
    let count = |status: &str| closed.iter().filter(|(found, _)| found == status).count();
    println!("half-sent imports: {} timed out, {} refused", count("408"), count("503"));
    assert!(count("408") <= 17, "{closed:?}");
    assert!(closed.iter().all(|(_, after)| *after < Duration::from_secs(20)), "{closed:?}");
    let held = peak(&serving).saturating_sub(fresh);
    assert!(held < 17 * 16 * MIB, "{} MiB more", held / MIB);
}
