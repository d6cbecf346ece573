//! Requests as bytes, because HTTP clients normalise paths and send complete requests.

#![allow(dead_code)] // Not every suite sends them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Server;

/// A response as it was received.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl RawAnswer {
    /// Parses a response; the status is 0 if the connection was closed without one.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let header = |line: &str| {
            line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        };
        Self { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the remaining quota of the general limit; `None` if the request was not counted.
    pub fn left(&self) -> Option<i64> {
        let policies = self.header("ratelimit").split(", ");
        policies
            .filter_map(|policy| policy.strip_prefix("\"general\";r="))
            .find_map(|rest| rest.split(';').next()?.parse().ok())
    }
}

impl Server {
    /// Opens a connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.base.trim_start_matches("http://")).await.expect("a connection")
    }

    /// Sends a request without a body on a connection of its own, with its path unchanged. Each of
    /// `headers` ends with a line break.
    pub async fn raw(&self, method: &str, path: &str, headers: &str) -> RawAnswer {
        let mut stream = self.connect().await;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        RawAnswer::parse(&answer)
    }
}
