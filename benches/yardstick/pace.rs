//! A client with a fixed rate. wrk has no rate; oha would have one, but its timer (tokio's) has
//! steps of a millisecond, which is what is measured here. A thread for each connection sleeps
//! until a request is due. The latency begins when the request was due if the response before it
//! came later than that, so that a slow response hides none (coordinated omission); else when the
//! thread woke up, so that its own lateness does not count.
//!
//! With rate 0 each of `values` requests is sent once, as soon as a connection is free, because wrk
//! cannot stop after a number of requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Responses are longer than this only by mistake.
const LONGEST: usize = 1 << 20;
/// In a request: one of `values` numbers, and a number that no other request has.
const VALUE: &str = "{value}";
const UNIQUE: &str = "{unique}";

/// How many requests to send.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Requests per second, of all connections together; 0 for each value once.
    pub rate: f64,
    pub seconds: f64,
    pub connections: u32,
    /// The first and the number of the numbers that replace `{value}` in the request, in turn.
    pub first: u32,
    pub values: u32,
}

/// What one connection has measured.
#[derive(Default)]
struct Measured {
    latencies: Vec<Duration>,
    /// Responses other than 200 and 304.
    failed: u32,
}

/// Sends the request, whose lines end with `\n`, as planned. Returns the rate that was reached, and
/// quantiles of the latency in microseconds.
pub fn run(address: &str, request: &str, plan: &Plan) -> Value {
    let request = request.replace('\n', "\r\n");
    let began = Instant::now();
    let measured: Vec<Measured> = std::thread::scope(|scope| {
        let clients = (0..plan.connections).map(|number| {
            let request = &request;
            scope.spawn(move || connection(address, request, plan, number))
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    let elapsed = began.elapsed().as_secs_f64();
    let failed: u32 = measured.iter().map(|one| one.failed).sum();
    let mut all: Vec<Duration> = measured.into_iter().flat_map(|one| one.latencies).collect();
    all.sort_unstable();
    let at = |percent: usize| all[(all.len() * percent / 100).min(all.len() - 1)].as_micros();
    let count = f64::from(u32::try_from(all.len()).expect("fewer requests"));
    json!({"rate": count / elapsed, "failed": failed, "p50_us": at(50), "p99_us": at(99)})
}

fn connection(address: &str, request: &str, plan: &Plan, number: u32) -> Measured {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("an option");
    let is_paced = plan.rate > 0.0;
    let interval = if is_paced { f64::from(plan.connections) / plan.rate } else { 0.0 };
    let (interval, end) =
        (Duration::from_secs_f64(interval), Duration::from_secs_f64(plan.seconds));
    let (mut measured, mut buffer) = (Measured::default(), vec![0; LONGEST]);
    // Connections begin one after the other within the first interval.
    let began = Instant::now() + interval * number / plan.connections;
    for turn in 0_u32.. {
        let unique = turn * plan.connections + number;
        let due = if is_paced { began + interval * turn } else { Instant::now() };
        let is_done = if is_paced { interval * turn >= end } else { unique >= plan.values };
        if is_done {
            break;
        }
        let early = due.saturating_duration_since(Instant::now());
        let start = if early.is_zero() {
            due
        } else {
            std::thread::sleep(early);
            Instant::now()
        };
        stream.write_all(filled(request, unique, plan).as_bytes()).expect("a request");
        if !is_expected(receive(&mut stream, &mut buffer)) {
            measured.failed += 1;
        }
        measured.latencies.push(start.elapsed());
        // A service that is slower than the rate does not keep the others waiting for long.
        if is_paced && began.elapsed() > end * 2 {
            break;
        }
    }
    measured
}

fn filled(request: &str, unique: u32, plan: &Plan) -> String {
    if !request.contains('{') {
        return request.to_owned();
    }
    // As long as each other, so that the length of a body is known.
    let value = format!("{:06}", plan.first + unique % plan.values.max(1));
    request.replace(VALUE, &value).replace(UNIQUE, &format!("{unique:08}"))
}

fn receive<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> &'a [u8] {
    let (mut length, mut whole) = (0, None);
    while whole.is_none_or(|whole| length < whole) {
        let read = stream.read(&mut buffer[length..]).expect("a response");
        assert!(read > 0, "the connection was closed");
        length += read;
        whole = whole.or_else(|| whole_length(&buffer[..length]));
    }
    &buffer[..length]
}

/// The length of head and body, once the head is complete.
fn whole_length(response: &[u8]) -> Option<usize> {
    let head = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&response[..head]).expect("a head");
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(head + 4 + body.map_or(0, |length| length.parse().expect("a length")))
}

fn is_expected(response: &[u8]) -> bool {
    response.starts_with(b"HTTP/1.1 200") || response.starts_with(b"HTTP/1.1 304")
}
