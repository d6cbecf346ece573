//! Tests of `postgres::connection`: a host with several addresses.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const ANSWER: &[u8] = b"SFATAL\0C53300\0Mzu viele\0\0";

/// Listens without an answer, or answers each request to log in with [`ANSWER`].
async fn address(answers: bool) -> ServerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if !answers {
                silent.push(stream);
                continue;
            }
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap_or(0);
                // A request for TLS has eight bytes.
                if read == 8 {
                    let _ = stream.write_all(b"N").await;
                    let _ = stream.read(&mut request).await;
                }
                let length = u32::try_from(ANSWER.len() + 4).expect("a length").to_be_bytes();
                let _ = stream.write_all(&[b"E", &length[..], ANSWER].concat()).await;
            });
        }
    });
    ServerAddress::Tcp(address)
}

async fn try_addresses(ssl_mode: &str, addresses: Vec<ServerAddress>) -> String {
    let url = format!("postgres://u@db/db?sslmode={ssl_mode}");
    let timeouts = Timeouts { connect: Duration::from_secs(2), statement: None };
    let url = DatabaseUrl::parse(&url.into()).expect("a URL");
    let connector = Connector::new(url, timeouts).expect("a connector");
    let (_, host) = connector.hosts.in_order()[0];
    let deadline = Instant::now() + timeouts.connect;
    let tried = connector.try_addresses(host, addresses, true, deadline).await;
    tried.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn silent_address_leaves_its_share_to_the_next_one() {
    for ssl_mode in ["disable", "prefer"] {
        let addresses = vec![address(false).await, address(true).await];
        let error = try_addresses(ssl_mode, addresses).await;
        assert!(error.contains("zu viele") && error.ends_with("(SQLSTATE 53300)"), "{error}");
    }
}

#[tokio::test]
async fn silent_address_is_no_reason_to_try_without_tls() {
    for ssl_mode in ["disable", "prefer", "require"] {
        let error = try_addresses(ssl_mode, vec![address(false).await]).await;
        assert!(error.contains("timed out"), "{ssl_mode}: {error}");
    }
}
