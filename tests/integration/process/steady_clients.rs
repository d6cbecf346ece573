//! Clients that send one request after the other while the service is restarted, and record each
//! that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::support::samples::metric;

/// Pause of a client between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// What all clients share.
#[derive(Default)]
pub struct Load {
    pub stop: AtomicBool,
    /// Number of acknowledged writes.
    writes: AtomicUsize,
}

impl Load {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits until so many more writes were acknowledged.
    pub async fn wait_for_writes(&self, more: usize) {
        let target = self.writes.load(Ordering::SeqCst) + more;
        let waiting = async {
            while self.writes.load(Ordering::SeqCst) < target {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("no writes");
    }
}

/// What one client has done.
#[derive(Default)]
pub struct Outcome {
    pub requests: usize,
    pub acknowledged: Vec<String>,
    pub failures: Vec<String>,
    pub longest: Duration,
    /// The request that took longest, and when it began.
    pub slowest: String,
}

/// A client that sends one request after the other.
pub struct Client {
    http: reqwest::Client,
    base: String,
    credential: (&'static str, String),
    outcome: Outcome,
}

impl Client {
    pub fn new(base: &str, (name, value): (&'static str, &str)) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let credential = (name, value.to_owned());
        Self { http, base: base.to_owned(), credential, outcome: Outcome::default() }
    }

    /// Sends a request; records it as failed unless its status is the expected one.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> bool {
        let (name, value) = &self.credential;
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        request = request.header(*name, value);
        if let Some(body) = body {
            request = request.json(body);
        }
        let began = Instant::now();
        let answer = match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                answer.text().await.map(|text| (status, text))
            }
            Err(error) => Err(error),
        };
        self.outcome.requests += 1;
        if began.elapsed() > self.outcome.longest {
            self.outcome.longest = began.elapsed();
            self.outcome.slowest = format!("{method} {path} at {}", now());
        }
        let is_expected = matches!(&answer, Ok((status, _)) if status.as_u16() == expected);
        if !is_expected {
            self.outcome.failures.push(format!("{method} {path}: {answer:?}"));
        }
        is_expected
    }

    pub async fn write(mut self, number: usize, load: Arc<Load>) -> Outcome {
        for write in 0.. {
            if load.is_stopped() {
                break;
            }
            let id = format!("c{number}-{write}");
            if self.send(Method::POST, "/api/v1/metrics", Some(&metric(&id)), 201).await {
                self.outcome.acknowledged.push(id.clone());
                load.writes.fetch_add(1, Ordering::SeqCst);
            }
            // By way of the other process, as often as not.
            self.send(Method::GET, &format!("/api/v1/metrics/{id}"), None, 200).await;
            tokio::time::sleep(PAUSE).await;
        }
        self.outcome
    }

    pub async fn read(mut self, load: Arc<Load>) -> Outcome {
        while !load.is_stopped() {
            self.send(Method::GET, "/api/v1/domains", None, 200).await;
            self.send(Method::GET, "/api/v1/metrics?limit=5&fields=name", None, 200).await;
            tokio::time::sleep(PAUSE).await;
        }
        self.outcome
    }
}

/// Returns the time of day, as in the log of haproxy.
pub fn now() -> String {
    chrono::Utc::now().format("%T%.3f").to_string()
}
