//! A crowd of clients whose bodies never arrive: each connection is closed in time, its memory is
//! free for the next, and others are served meanwhile.

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

/// Sends the beginning of a body, and drips on if told to; returns the status and how long the
/// connection lasted.
async fn hold(base: &str, number: usize, beginning: usize, drip: bool) -> (String, Duration) {
    let socket = TcpSocket::new_v4().unwrap();
    // Not all from one address, for which there may be a limit.
    socket.bind(format!("127.0.0.{}:0", 2 + number % 250).parse().unwrap()).unwrap();
    let stream = socket.connect(base.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
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

/// A thousand half-sent and a thousand dripping bodies.
async fn crowd(base: &str) -> Vec<(String, Duration)> {
    let half = (0..CROWD).map(|number| hold(base, number, 50_000, false));
    let dripping = (0..CROWD).map(|number| hold(base, number, 1, true));
    let (half, dripping) = tokio::join!(join_all(half), join_all(dripping));
    [half, dripping].concat()
}

/// Asks again and again, as one client after the other, until told to stop.
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
async fn thousand_half_sent_and_thousand_dripping_bodies() {
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
    while after > fresh + 16 * MIB && ended.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        after = resident(&serving);
    }
    println!(
        "{} bodies: last connection closed after {longest:.1?}; resident {} MiB before, {} MiB {:.0?} after; \
         {} reads meanwhile, median {:.1?}, 99th percentile {:.1?}",
        closed.len(),
        fresh / MIB,
        after / MIB,
        ended.elapsed(),
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    assert!(after <= fresh + 16 * MIB, "{} MiB more", (after - fresh) / MIB);
}
