//! Limits of connections: how many are allowed, and how long one may make no progress.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::Server;
use crate::support::raw::RawAnswer;

const OPEN: &str = "http_connections_open";
const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

/// Reads one response with a Content-Length.
pub(super) async fn answer(stream: &mut TcpStream) -> RawAnswer {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.expect("an answer");
        assert_ne!(read, 0, "closed: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&part[..read]);
        let answer = RawAnswer::parse(&bytes);
        if answer
            .header("content-length")
            .parse()
            .is_ok_and(|length: usize| answer.body.len() == length)
        {
            return answer;
        }
    }
}

/// Waits until the other side closes. Returns what came before, and after how long.
async fn closed(mut stream: TcpStream) -> (Vec<u8>, Duration) {
    let (began, mut bytes) = (Instant::now(), Vec::new());
    // A reset closes it, too.
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes))
        .await
        .expect("an end within 30 s");
    (bytes, began.elapsed())
}

async fn until_open(server: &Server, connections: f64) {
    let began = Instant::now();
    // The metrics client has one.
    while server.reading(OPEN).await > connections {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{} are open",
            server.reading(OPEN).await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn incomplete_head_on_kept_alive_connection_is_closed() {
    let server = Server::start().await;
    let mut half = server.connect().await;
    half.write_all(LIVE).await.unwrap();
    answer(&mut half).await;
    half.write_all(b"GET /health/live HTTP/1.1\r\nhost:").await.unwrap();
    // Single bytes are no progress, either.
    let mut dripping = server.connect().await;
    dripping.write_all(LIVE).await.unwrap();
    answer(&mut dripping).await;
    let drips = async {
        let began = Instant::now();
        let mut answered = [0; 1];
        while began.elapsed() < Duration::from_secs(30) {
            let _ = dripping.write_all(b"G").await;
            if let Ok(read) = timeout(Duration::from_secs(1), dripping.read(&mut answered)).await {
                assert!(!matches!(read, Ok(1..)), "no answer is due");
                return began.elapsed();
            }
        }
        panic!("never closed");
    };
    let ((nothing, after), dripped) = tokio::join!(closed(half), drips);
    assert!(nothing.is_empty());
    for after in [after, dripped] {
        assert!(after > Duration::from_secs(6) && after < Duration::from_secs(15), "{after:?}");
    }
}

#[actix_web::test]
async fn slow_first_head_and_idle_connections_are_closed() {
    let server = Server::start().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /health").await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(LIVE).await.unwrap();
    answer(&mut idle).await;
    let (silent, slow, idle) =
        tokio::join!(closed(server.connect().await), closed(slow), closed(idle));
    assert_eq!(RawAnswer::parse(&slow.0).status, 408);
    for (_, after) in [silent, slow, idle] {
        assert!(after < Duration::from_secs(15), "{after:?}");
    }
}

#[actix_web::test]
async fn unread_response_is_ended_and_slow_reader_is_served() {
    let server = Server::start().await;
    let base = server.base.trim_start_matches("http://").parse().unwrap();
    let connect = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.connect(base).await.unwrap()
    };
    let request = b"GET /api-docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut unread = connect().await;
    unread.write_all(request).await.unwrap();
    let mut slow = connect().await;
    slow.write_all(request).await.unwrap();
    // Longer than the limit in total, but never that long without a byte.
    let read_slowly = async {
        let (began, mut bytes) = (Instant::now(), 0);
        let mut part = vec![0; 64 * 1024];
        while began.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let read = slow.read(&mut part[..8 * 1024]).await.expect("still served");
            assert_ne!(read, 0, "closed after {:?}", began.elapsed());
            bytes += read;
        }
        while bytes < 1_000_000 {
            let read = slow.read(&mut part).await.expect("still served");
            assert_ne!(read, 0, "closed after {bytes} bytes");
            bytes += read;
        }
    };
    let ended = async {
        // One belongs to the slow reader, one to the metrics client; the test's HTTP client keeps
        // idle ones for a while.
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(8)).await;
        let before = server.reading(OPEN).await;
        while server.reading(OPEN).await >= before {
            assert!(began.elapsed() < Duration::from_secs(20), "never closed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(read_slowly, ended);
    let mut rest = Vec::new();
    assert!(
        unread.read_to_end(&mut rest).await.is_err() || rest.len() < 1_000_000,
        "all of it came"
    );
}

#[actix_web::test]
async fn connections_over_a_limit_are_closed_at_once() {
    let options = [
        "--max-connections",
        "12",
        "--max-connections-per-address",
        "5",
        "--trusted-proxies",
        "127.0.0.9",
    ];
    let server = Server::with(&options).await;
    until_open(&server, 1.0).await;
    let from = async |address: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        let mut stream = socket
            .connect(server.base.trim_start_matches("http://").parse().unwrap())
            .await
            .unwrap();
        // A refused client may see the reset while it writes.
        let _ = stream.write_all(LIVE).await;
        let mut first = [0; 12];
        matches!(stream.read_exact(&mut first).await, Ok(12) if &first == b"HTTP/1.1 200")
            .then_some(stream)
    };
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(from("127.0.0.2").await.expect("within the limit"));
    }
    for _ in 0..30 {
        assert!(from("127.0.0.2").await.is_none());
    }
    // Another address has its own five, a trusted proxy the rest of all twelve.
    held.push(from("127.0.0.3").await.expect("another address"));
    for _ in 0..6 {
        held.push(from("127.0.0.9").await.expect("a trusted proxy"));
    }
    assert!(from("127.0.0.9").await.is_none() && from("127.0.0.4").await.is_none());
    let refused = async |reason| {
        server.reading(&format!("http_connections_refused_total{{reason=\"{reason}\"}}")).await
    };
    assert!(
        (refused("address").await - 30.0).abs() < 0.1 && (refused("total").await - 2.0).abs() < 0.1
    );
    let lines = server.logs.lines();
    let reported =
        lines.iter().filter(|line| line["msg"] == "connections refused: limit reached").count();
    assert_eq!(reported, 1, "a flood of connections is no flood of log events");
    // Closed connections free their places.
    drop(held);
    until_open(&server, 1.0).await;
    assert!(from("127.0.0.2").await.is_some());
}
