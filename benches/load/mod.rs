//! A minimal HTTP client, so that its own cost does not hide what is measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const SLICE: Duration = Duration::from_millis(400);
const CONNECTIONS: usize = 4;

/// Returns requests per second for one metric, on [`CONNECTIONS`] connections.
pub async fn throughput(address: String, header: String) -> f64 {
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, header) = (address.clone(), header.clone());
            std::thread::spawn(move || requests(&address, &header))
        })
        .collect();
    let joined = tokio::task::spawn_blocking(|| {
        clients.into_iter().map(|client| client.join().unwrap()).sum::<f64>()
    });
    joined.await.unwrap()
}

fn requests(address: &str, header: &str) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /api/v1/metrics/m HTTP/1.1\r\nHost: x\r\n{header}\r\n");
    let (mut buffer, mut done, mut end) = (vec![0; 65_536], 0_u32, Vec::new());
    let began = Instant::now();
    while began.elapsed() < SLICE {
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            length += stream.read(&mut buffer[length..]).unwrap();
            // The first response is parsed; the others end with the same bytes, however many
            // headers they have.
            let response = &buffer[..length];
            if end.is_empty() && is_complete(response) {
                end = response[length - 64..].to_vec();
                break;
            }
            if !end.is_empty() && response.ends_with(&end) {
                break;
            }
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"));
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// Whether these bytes are a whole response with a `content-length`.
pub fn is_complete(response: &[u8]) -> bool {
    let Some(end) = response.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&response[..end]).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
        .unwrap();
    response.len() >= end + 4 + length
}

/// Compares reads with something and without, as [`interleave`] does.
pub async fn compare(
    what: &str,
    pairs: usize,
    with: impl AsyncFn() -> f64,
    without: impl AsyncFn() -> f64,
) {
    interleave((&format!("reads with {what}"), "without"), pairs, with, without).await;
}

/// Measures two things, each in units a second, in interleaved pairs; prints each pair, and the
/// median of the ratios.
pub async fn interleave(
    (one, other): (&str, &str),
    pairs: usize,
    measure_one: impl AsyncFn() -> f64,
    measure_other: impl AsyncFn() -> f64,
) {
    let mut ratios = Vec::new();
    for pair in 0..=pairs {
        // The order alternates, so that neither is always second; the first pair warms up.
        let (a, b) = if pair % 2 == 0 {
            let a = measure_one().await;
            (a, measure_other().await)
        } else {
            let b = measure_other().await;
            (measure_one().await, b)
        };
        if pair > 0 {
            ratios.push(a / b);
            println!("pair {pair}: {a:.0} {one}, {b:.0} {other}, a second: {:.3}", a / b);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("\n{one} / {other}, median of {pairs} pairs: {:.3}", ratios[pairs / 2]);
}

/// Returns the latencies of one second of requests for one metric at this rate, on
/// [`CONNECTIONS`] connections, each measured from when the request was due.
pub async fn paced(address: String, rate: u32) -> Vec<Duration> {
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || {
                at_pace(&address, rate / u32::try_from(CONNECTIONS).unwrap())
            })
        })
        .collect();
    let joined = tokio::task::spawn_blocking(|| {
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    joined.await.unwrap()
}

fn at_pace(address: &str, rate: u32) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (pause, mut buffer) = (Duration::from_secs(1) / rate, vec![0; 65_536]);
    let began = Instant::now();
    let one = |number: u32| {
        let due = began + pause * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(b"GET /api/v1/metrics/m HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut length = 0;
        while length == 0 || !is_complete(&buffer[..length]) {
            length += stream.read(&mut buffer[length..]).unwrap();
        }
        due.elapsed()
    };
    (0..rate).map(one).collect()
}
