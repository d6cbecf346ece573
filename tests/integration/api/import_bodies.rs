//! Bodies of imports: silence ends one soon, however much has arrived, and only so many are read at
//! a time.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Server;

const IMPORT: &str = "/api/v1/import";
/// One import runs and 16 wait.
const PLACES: usize = 17;

/// Sends the head of an import of 6 MB and the first `bytes` of its body.
async fn half_sent(server: &Server, token: &str, bytes: usize) -> TcpStream {
    let head = format!(
        "POST {IMPORT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}\r\nContent-Length: 6000000\r\n\r\n"
    );
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; bytes]).await.unwrap();
    stream
}

#[actix_web::test]
async fn half_sent_import_is_answered_408_after_ten_seconds_of_silence() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut stream = half_sent(&server, &admin, 4 * 1024 * 1024).await;
    let began = Instant::now();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let closed = tokio::time::timeout(Duration::from_secs(30), reading).await;
    closed.expect("4 MiB earn no silence of a minute").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
}

#[actix_web::test]
async fn number_of_import_bodies_is_bounded() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut held = Vec::new();
    for _ in 0..PLACES {
        held.push(half_sent(&server, &admin, 1).await);
    }
    let empty = json!({"domains": [], "metrics": []});
    let until = Instant::now() + Duration::from_secs(8);
    loop {
        let answer = server.post(IMPORT, &admin, &empty).await;
        if answer.status == 503 {
            assert!(!answer.expect_error(503, "OVERLOADED").header("retry-after").is_empty());
            break;
        }
        answer.expect(200);
        assert!(Instant::now() < until, "never full");
        // This import may have taken the place of a body that arrived at the same time.
        held.push(half_sent(&server, &admin, 1).await);
    }
    // An upload that ends frees its place.
    drop(held);
    while server.post(IMPORT, &admin, &empty).await.status == 503 {
        assert!(Instant::now() < until + Duration::from_secs(10), "never free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
