//! What API keys cost: a cached authentication; and reading one metric over HTTP with a key against the same read without
//! any (`ANONYMOUS_READ`), in interleaved pairs of one run.
//!
//!     scripts/with-postgres cargo bench --bench api_keys

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/api/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mdl::credentials::api_keys::ApiKey;
use support::Server;
use support::samples::metric;

const PAIRS: usize = 15;
const SLICE: Duration = Duration::from_millis(400);
const CONNECTIONS: usize = 4;

/// Requests a second on so many connections; the client does as little as it can.
async fn throughput(address: String, header: String) -> f64 {
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, header) = (address.clone(), header.clone());
            std::thread::spawn(move || requests(&address, &header))
        })
        .collect();
    let joined = tokio::task::spawn_blocking(|| clients.into_iter().map(|client| client.join().unwrap()).sum::<f64>());
    joined.await.unwrap()
}

fn requests(address: &str, header: &str) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /api/v1/metrics/m HTTP/1.1\r\nHost: x\r\n{header}\r\n");
    let (mut buffer, mut done) = (vec![0; 65_536], 0_u32);
    let began = Instant::now();
    while began.elapsed() < SLICE {
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            length += stream.read(&mut buffer[length..]).unwrap();
            if complete(&buffer[..length]) {
                break;
            }
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"));
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

fn complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok()).unwrap();
    answer.len() >= end + 4 + length
}

#[actix_web::main]
async fn main() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    server.get_with("/api/v1/metrics/m", &key).await.expect(200);
    let (state, hash) = (server.state(), ApiKey::parse(&key).unwrap().hash());
    let rounds = 1_000_000;
    let began = Instant::now();
    for _ in 0..rounds {
        state.keys.authenticate(hash, state.clock.now(), Instant::now()).await.unwrap();
    }
    let cached = began.elapsed() / rounds;
    let began = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(ApiKey::parse(std::hint::black_box(&key)).unwrap().hash());
    }
    println!(
        "cached authentication: {} ns, and {} ns to read and hash the key",
        cached.as_nanos(),
        (began.elapsed() / rounds).as_nanos()
    );
    let address = server.base.trim_start_matches("http://").to_owned();
    let with = || throughput(address.clone(), format!("X-API-Key: {key}\r\n"));
    let without = || throughput(address.clone(), String::new());
    let mut ratios = Vec::new();
    for pair in 0..=PAIRS {
        // The order changes, so that neither always has the warmer half.
        let (a, b) = if pair % 2 == 0 {
            let a = with().await;
            (a, without().await)
        } else {
            let b = without().await;
            (with().await, b)
        };
        if pair > 0 {
            ratios.push(a / b);
            println!("pair {pair}: {a:.0} with a key, {b:.0} without, a second: {:.3}", a / b);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nreads with a key / without, median of {PAIRS} pairs: {:.3}", ratios[PAIRS / 2]);
    server.stop().await;
}
