//! Clients that send nonsense, disconnect or stay silent cannot flood the log of the binary: none
//! of what they do writes an event at level info or above.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, command};
use crate::support::database;

const TIMEOUT: Duration = Duration::from_mins(1);

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out).unwrap();
    // The last line may be incomplete.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Starts the service and waits for its address; its stdout is a file.
fn serve(folder: &Path, url: &str) -> (Process, String) {
    let out = std::fs::File::create(folder.join("out")).unwrap();
    let mut command = command(folder, &["serve"]);
    command.envs(SECRETS).envs([
        ("DATABASE_URL", url),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("PORT", "0"),
        ("METRICS_PORT", "0"),
        ("WORKERS", "2"),
        ("LOG_FORMAT", "json"),
        ("RATE_LIMIT_ENABLED", "false"),
    ]);
    let process = Process(command.stdout(out).stderr(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    while began.elapsed() < TIMEOUT {
        let lines = lines(&folder.join("out"));
        if let Some(line) = lines.iter().find(|line| line["message"] == "listening") {
            let base = line["address"].as_str().unwrap();
            return (process, base.trim_start_matches("http://").to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it does not listen");
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

/// Sends bytes and reads to the end of the connection.
fn send(address: &str, bytes: &[u8]) -> String {
    let (mut stream, mut answer) = (connect(address), Vec::new());
    stream.write_all(bytes).unwrap();
    // A reset ends it, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_that_are_no_http_write_no_event_above_debug() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(database::fresh());
    let (_process, address) = serve(folder.path(), &url);
    let before = until_ready(folder.path(), &address);
    for number in 0..1_000 {
        let answer = match number % 4 {
            0 => send(&address, b"nonsense\r\n\r\n"),
            1 => send(&address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            2 => send(&address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            _ => send(&address, b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
        };
        assert!(answer.starts_with("HTTP/1.1 400 "), "{number}: {answer}");
    }
    assert_eq!(newer(folder.path(), &address, before), Vec::<Value>::new());
}

#[test]
fn connections_that_end_early_write_no_event_above_info() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(database::fresh());
    let (_process, address) = serve(folder.path(), &url);
    let before = until_ready(folder.path(), &address);
    let body = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    for _ in 0..20 {
        for part in ["", "GET / HT", body] {
            // Closed, and reset with unread bytes in the socket.
            connect(&address).write_all(part.as_bytes()).unwrap();
            let mut reset = connect(&address);
            reset.write_all(format!("{part}{}", "x".repeat(10)).as_bytes()).unwrap();
            socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    // Idle, and with an incomplete head: both end by their timers.
    let idle = connect(&address);
    assert!(send(&address, b"GET /health").starts_with("HTTP/1.1 408 "));
    let mut kept = connect(&address);
    kept.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).unwrap();
    idle.shutdown(Shutdown::Both).unwrap();
    // An aborted body is a request, which has its entry in the access log.
    let events = newer(folder.path(), &address, before);
    let others: Vec<_> =
        events.iter().filter(|line| line["level"] != "info" && line["level"] != "debug").collect();
    assert!(others.is_empty(), "{others:#?}");
    let entries =
        ["request", "request abandoned by its client", "request completed without its client"];
    let others: Vec<_> = events
        .iter()
        .filter(|line| !entries.contains(&line["message"].as_str().unwrap()))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// Waits until the service is ready and logs nothing more. Returns how much it has logged.
fn until_ready(folder: &Path, address: &str) -> usize {
    let began = Instant::now();
    let ready = b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    while !send(address, ready).starts_with("HTTP/1.1 200 ") {
        assert!(began.elapsed() < TIMEOUT, "not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    marker(folder, address)
}

/// Returns the events that were written since.
fn newer(folder: &Path, address: &str, before: usize) -> Vec<Value> {
    let end = marker(folder, address) - 1;
    lines(&folder.join("out")).drain(before..end).collect()
}

/// Makes an event of the access log and waits for it: all events before it are written.
fn marker(folder: &Path, address: &str) -> usize {
    let path = format!("/marker-{}", rand::random::<u64>());
    send(
        address,
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
    );
    let began = Instant::now();
    loop {
        let lines = lines(&folder.join("out"));
        if let Some(at) = lines.iter().position(|line| line["path"] == path) {
            return at + 1;
        }
        assert!(began.elapsed() < TIMEOUT, "no access log entry");
        std::thread::sleep(Duration::from_millis(20));
    }
}
