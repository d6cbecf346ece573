//! Requests byte by byte: HTTP clients put paths right and never stop in the middle.

#![allow(dead_code)] // Not every suite sends them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Server;

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl RawAnswer {
    /// Reads an answer from its text; status 0 if the connection was closed without one.
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

    /// What the general limit says is left; none if the request was not counted.
    pub fn left(&self) -> Option<i64> {
        let policies = self.header("ratelimit").split(", ");
        policies
            .filter_map(|policy| policy.strip_prefix("\"general\";r="))
            .find_map(|rest| rest.split(';').next()?.parse().ok())
    }
}

impl Server {
    /// A new connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.base.trim_start_matches("http://")).await.expect("a connection")
    }

    /// A request without a body on a connection of its own, its path as it is. `headers` end with a
    /// line break each.
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
