//! Deadlines for bodies: a connection whose body stops, drips or is not read is closed.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{ADMIN_PASSWORD, Server};

/// The response on a connection until it was closed, and the time.
struct Closed {
    status: u16,
    head: String,
    text: String,
    after: Duration,
}

/// Sends `first` at once, then `drip` repeatedly until the connection is closed.
async fn send(server: &Server, first: &str, drip: &[u8], every: Duration) -> Closed {
    let began = Instant::now();
    let stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(first.as_bytes()).await.unwrap();
    let dripping = async {
        loop {
            tokio::time::sleep(every).await;
            if drip.is_empty() || write.write_all(drip).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut received = Vec::new();
    let reading = async {
        // A reset after the response closes it, too.
        let _ = read.read_to_end(&mut received).await;
    };
    tokio::select! {
        () = reading => {}
        () = dripping => {}
        () = tokio::time::sleep(Duration::from_secs(40)) => {}
    }
    let after = began.elapsed();
    let text = String::from_utf8_lossy(&received).into_owned();
    let (head, text) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Closed { status, head: head.to_lowercase(), text: text.to_owned(), after }
}

fn head(line: &str, headers: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n{body}")
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const SIZED: &str = "Content-Length: 60000\r\n";

#[actix_web::test]
async fn body_that_stops_or_drips_is_answered_408_and_the_connection_is_closed() {
    let server = Server::start().await;
    let every = Duration::from_millis(500);
    let login = "POST /api/auth/login";
    let cases = [
        (head(login, SIZED, "{\"username\":"), &b""[..]),
        (head(login, SIZED, "{\"username\":"), b" "),
        (head(login, CHUNKED, "5\r\n{\"use\r\n"), b""),
        (head(login, CHUNKED, "5\r\n{\"use\r\n"), b"1\r\n \r\n"),
    ];
    let closed =
        join_all(cases.iter().map(|(first, drip)| send(&server, first, drip, every))).await;
    for (closed, (first, _)) in closed.iter().zip(&cases) {
        assert_eq!(closed.status, 408, "{first}: {}", closed.text);
        assert!(closed.head.contains("connection: close"), "{}", closed.head);
        assert!(closed.head.contains("x-request-id"), "{}", closed.head);
        assert!(closed.text.contains("\"REQUEST_TIMEOUT\""), "{}", closed.text);
        assert!(closed.after > Duration::from_secs(9), "{first}: {:?}", closed.after);
        assert!(closed.after < Duration::from_secs(15), "{first}: {:?}", closed.after);
    }
}

#[actix_web::test]
async fn unread_body_does_not_keep_the_connection_open() {
    let server = Server::start().await;
    let every = Duration::from_millis(100);
    let large = "Content-Length: 70000\r\n";
    let cases = [
        ("GET /health/live", SIZED, 200),
        ("GET /health/live", CHUNKED, 200),
        ("GET /api/v1/metrics", CHUNKED, 401),
        ("POST /api/v1/metrics", SIZED, 401),
        ("POST /api/v1/metrics", CHUNKED, 401),
        ("POST /nowhere", CHUNKED, 404),
        ("POST /health/live", CHUNKED, 404),
        ("POST /api/auth/login", large, 413),
        ("GET /api-docs/", CHUNKED, 200),
        ("POST /api/v1/import", CHUNKED, 401),
    ];
    let cases = cases.map(|(line, headers, status)| (head(line, headers, "1\r\n \r\n"), status));
    let closed =
        join_all(cases.iter().map(|(first, _)| send(&server, first, b"1\r\n \r\n", every))).await;
    for (closed, (first, status)) in closed.iter().zip(&cases) {
        let known = closed.status == *status || (*status == 404 && closed.status == 405);
        assert!(known, "{first}: {} {}", closed.status, closed.text);
        assert!(closed.head.contains("connection: close"), "{first}: {}", closed.head);
        assert!(closed.after < Duration::from_secs(8), "{first}: {:?}", closed.after);
    }
}

#[actix_web::test]
async fn slow_body_at_the_minimum_rate_is_accepted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // 1 MiB in 12.8 s: more than ten seconds, and more than 64 KiB a second.
    let document = format!("{{\"domains\":[],\"metrics\":[]{}}}", " ".repeat(1024 * 1024));
    let head = format!(
        "Authorization: Bearer {admin}\r\nConnection: close\r\nContent-Length: {}\r\n",
        document.len()
    );
    let first = self::head("POST /api/v1/import", &head, "");
    let stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(first.as_bytes()).await.unwrap();
    let began = Instant::now();
    for (number, piece) in document.as_bytes().chunks(16 * 1024).enumerate() {
        let due = Duration::from_millis(200) * u32::try_from(number).unwrap();
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        write.write_all(piece).await.unwrap();
    }
    let mut answer = String::new();
    read.read_to_string(&mut answer).await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(11));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[actix_web::test]
async fn complete_bodies_keep_the_connection_alive() {
    let server = Server::start().await;
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    let sized = head("POST /api/auth/login", &format!("Content-Length: {}\r\n", body.len()), &body);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = head("POST /api/auth/login", CHUNKED, &chunked);
    let last = head("GET /health/live", "Connection: close\r\n", "");
    let mut stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    for request in [&sized, &chunked, &sized] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("access_token") {
            assert_ne!(
                stream.read_buf(&mut answer).await.unwrap(),
                0,
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
        assert!(!String::from_utf8_lossy(&answer).to_lowercase().contains("connection: close"));
    }
    stream.write_all(last.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}
