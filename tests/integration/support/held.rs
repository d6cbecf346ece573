//! Requests whose body is held back after they were authenticated.

#![allow(dead_code)] // Not every suite holds them.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Server;
use super::raw::RawAnswer;

/// A request whose second half of the body is still to be sent.
pub struct Held {
    stream: TcpStream,
    rest: Vec<u8>,
}

/// Returns the header for a token or an API key.
pub fn credential(secret: &str) -> String {
    if secret.starts_with("mdl_") {
        format!("x-api-key: {secret}")
    } else {
        format!("authorization: Bearer {secret}")
    }
}

impl Server {
    /// Sends the head and half of the body, and waits until the caller is authenticated.
    pub async fn hold(&self, method: &str, path: &str, secret: &str, body: &Value) -> Held {
        let kind = if secret.starts_with("mdl_") { "api_key" } else { "jwt" };
        let series = format!("auth_attempts_total{{method=\"{kind}\",status=\"success\"}}");
        let before = self.reading(&series).await;
        let bytes = body.to_string().into_bytes();
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        let is_merge = method == "PATCH" && path.starts_with("/api/v1/");
        let media_type = if is_merge { "merge-patch+json" } else { "json" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{}\r\n\
             content-type: application/{media_type}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            credential(secret),
            bytes.len()
        );
        let mut stream = self.connect().await;
        stream.write_all(&[head.as_bytes(), half].concat()).await.unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while self.reading(&series).await <= before {
            assert!(Instant::now() < until, "never authenticated");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Held { stream, rest: rest.to_vec() }
    }
}

impl Held {
    /// Sends the rest of the body and reads the answer.
    pub async fn finish(mut self) -> RawAnswer {
        self.stream.write_all(&self.rest).await.unwrap();
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).await.unwrap();
        RawAnswer::parse(&answer)
    }
}
