//! Collects the notifications of a channel.

#![allow(dead_code)] // Benchmarks use only a part of the support.

use std::future::poll_fn;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// Sent by the test itself: what was sent before it has arrived before it.
const MARK: &str = "test_mark";

/// A connection that listens to one channel.
pub struct Listener {
    client: Client,
    received: UnboundedReceiver<(String, String)>,
}

impl Listener {
    pub async fn start(url: &str, channel: &str) -> Self {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let (sender, received) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notification) = message {
                    let (channel, payload) = (notification.channel(), notification.payload());
                    let _ = sender.send((channel.to_owned(), payload.to_owned()));
                }
            }
        });
        client.batch_execute(&format!("LISTEN {channel}; LISTEN {MARK}")).await.unwrap();
        Self { client, received }
    }

    /// Counts the notifications since the last call.
    pub async fn count(&mut self) -> usize {
        self.payloads().await.len()
    }

    /// Returns the payloads of the notifications since the last call.
    pub async fn payloads(&mut self) -> Vec<String> {
        self.client.batch_execute(&format!("NOTIFY {MARK}")).await.unwrap();
        let mut payloads = Vec::new();
        loop {
            let (channel, payload) = self.received.recv().await.expect("the connection ended");
            if channel == MARK {
                return payloads;
            }
            payloads.push(payload);
        }
    }
}
