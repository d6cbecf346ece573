//! A client of server-sent events.

use std::time::Duration;

use serde_json::Value;

use super::{Answer, Server};

/// Longest wait for an event, or for the end of a stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open stream of changes.
pub struct EventStream {
    response: reqwest::Response,
    received: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub data: Value,
}

impl EventStream {
    /// Opens a stream with these headers.
    ///
    /// # Errors
    /// The response if it is none.
    pub async fn open(
        server: &Server,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        // A connection of its own, which is closed when the stream is dropped.
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http.get(format!("{}{path}", server.base));
        for (name, value) in [("accept", "text/event-stream")].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status != 200 {
            return Err(Answer { status, headers, text: response.text().await.unwrap() });
        }
        assert_eq!(headers["content-type"], "text/event-stream");
        Ok(Self { response, received: String::new() })
    }

    /// Opens a stream with an access token.
    pub async fn with_token(server: &Server, path: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        Self::open(server, path, &[("authorization", &bearer)]).await.expect("a stream")
    }

    /// Returns the next block of lines, without the empty one; none at the end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.find("\n\n") {
                let block = self.received[..end].to_owned();
                self.received.drain(..end + 2);
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            // A service that stops may cut it off.
            let Ok(Some(chunk)) = chunk.expect("an event in time") else { return None };
            self.received.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Returns the next event, without comments; none at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let found = block.lines().find_map(|line| line.strip_prefix(name));
                found.map(str::to_owned)
            };
            if let Some(data) = field("data: ") {
                assert_eq!(field("event: ").as_deref(), Some("change"));
                let data = serde_json::from_str(&data).unwrap();
                return Some(Event { id: field("id: ").unwrap(), data });
            }
        }
    }

    /// Waits for the end of the stream.
    pub async fn ended(mut self) {
        let event = tokio::time::timeout(PATIENCE, self.next()).await;
        let event = event.expect("the end of the stream in time");
        assert!(event.is_none(), "{event:?}");
    }
}
