//! Writers and a reader beside a fault, and what became of their writes. A writer repeats a request
//! with its `Idempotency-Key` until it is acknowledged, as clients should.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::{spawn, task::JoinHandle};
use reqwest::Method;
use serde_json::json;

use super::{FAULT, Refusals, failures_until_open, measure_refusals, recovery};
use crate::support::{Server, database, json_body};

const DOMAINS: &str = "/api/v1/domains";
const PAUSE: Duration = Duration::from_millis(10);
/// Acknowledged writes before a fault begins.
const BEFORE: usize = 20;

/// What clients were answered.
#[derive(Default)]
pub(super) struct Observed {
    /// Ids of the domains whose creation was acknowledged.
    pub(super) acknowledged: Vec<String>,
    /// Responses 503 and 504, without those of the writers' own queue.
    pub(super) refused: usize,
    /// Responses 503 `OVERLOADED`.
    pub(super) overloaded: usize,
    /// Creations that were done twice: the second one found the id of its own taken.
    pub(super) doubled: usize,
    pub(super) longest: Duration,
}

/// Clients that run until [`Load::end`].
pub(super) struct Load {
    ended: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Observed>>,
}

/// What all clients of one load share.
#[derive(Clone)]
struct Client {
    server: Arc<Server>,
    token: String,
    name: String,
    number: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    /// Starts so many writers, and a reader of the list of domains.
    pub(super) async fn start(
        server: &Arc<Server>,
        token: &str,
        name: &str,
        writers: usize,
    ) -> Self {
        server.get(DOMAINS, token).await.expect(200);
        let client = Client {
            server: Arc::clone(server),
            token: token.to_owned(),
            name: name.to_owned(),
            number: Arc::default(),
            ended: Arc::default(),
            acknowledged: Arc::default(),
        };
        let mut clients: Vec<_> = (0..writers).map(|_| spawn(client.clone().write())).collect();
        clients.push(spawn(client.clone().read()));
        let Client { ended, acknowledged, .. } = client;
        let load = Self { ended, acknowledged, clients };
        let until = Instant::now() + Duration::from_secs(20);
        while writers > 0 && load.acknowledged() < BEFORE {
            assert!(Instant::now() < until, "{name}: writes are not acknowledged");
            tokio::time::sleep(PAUSE).await;
        }
        load
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(super) async fn end(self) -> Observed {
        self.ended.store(true, Ordering::SeqCst);
        let mut all = Observed::default();
        for client in self.clients {
            let one = client.await.unwrap();
            all.acknowledged.extend(one.acknowledged);
            all.refused += one.refused;
            all.overloaded += one.overloaded;
            all.doubled += one.doubled;
            all.longest = all.longest.max(one.longest);
        }
        all
    }
}

impl Client {
    async fn write(self) -> Observed {
        let mut observed = Observed::default();
        while !self.ended.load(Ordering::SeqCst) {
            let id = format!("{}-{}", self.name, self.number.fetch_add(1, Ordering::SeqCst));
            self.create(&id, &mut observed).await;
        }
        observed
    }

    /// Creates a domain; repeats the request until its outcome is known.
    async fn create(&self, id: &str, observed: &mut Observed) {
        let body = json!({"domain_id": id, "name": id});
        while !self.ended.load(Ordering::SeqCst) {
            let began = Instant::now();
            let headers = [("idempotency-key", id)];
            let request = Some(json_body(&body));
            let answer =
                self.server.send(Method::POST, DOMAINS, &self.token, &headers, request).await;
            observed.longest = observed.longest.max(began.elapsed());
            match answer.status {
                201 => {
                    observed.acknowledged.push(id.to_owned());
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                409 if answer.text.contains("is taken") => {
                    observed.doubled += 1;
                    return;
                }
                503 if answer.text.contains("\"OVERLOADED\"") => observed.overloaded += 1,
                503 | 504 => observed.refused += 1,
                // The first request with this key is still running.
                409 => {}
                other => panic!("{other}: {}", answer.text),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read(self) -> Observed {
        let mut observed = Observed::default();
        while !self.ended.load(Ordering::SeqCst) {
            let began = Instant::now();
            let answer = self.server.get(DOMAINS, &self.token).await;
            observed.longest = observed.longest.max(began.elapsed());
            match answer.status {
                200 => {}
                503 if answer.text.contains("\"OVERLOADED\"") => observed.overloaded += 1,
                503 | 504 => observed.refused += 1,
                other => panic!("{other}: {}", answer.text),
            }
            tokio::time::sleep(PAUSE).await;
        }
        observed
    }
}

fn p99(refusals: &Refusals) -> Option<Duration> {
    refusals.times.get(refusals.times.len() * 99 / 100).copied()
}

/// One line of the table.
pub(super) struct Row {
    pub(super) observed: Observed,
    pub(super) failures: Option<u64>,
    pub(super) refusals: Refusals,
    pub(super) recovery: Duration,
    /// Acknowledged writes that the database does not have.
    pub(super) lost: usize,
}

impl Row {
    pub(super) fn print_head() {
        println!(
            "\n| fault | failures until open | refusal p99, ms | longest request, ms | recovery, \
             ms | writes acknowledged | lost | doubled |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    }

    pub(super) fn refusal_median(&self) -> Option<Duration> {
        self.refusals.times.get(self.refusals.times.len() / 2).copied()
    }

    pub(super) fn refusal_p99(&self) -> Option<Duration> {
        p99(&self.refusals)
    }

    pub(super) fn print(&self, title: &str) {
        let milliseconds = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1000.0);
        let p99 = self.refusal_p99().map(|time| format!("{:.2}", time.as_secs_f64() * 1000.0));
        let none = || "–".to_owned();
        println!(
            "| {title} | {} | {} | {} | {} | {} | {} | {} |",
            self.failures.map_or_else(none, |failures| failures.to_string()),
            p99.unwrap_or_else(none),
            milliseconds(self.observed.longest),
            milliseconds(self.recovery),
            self.observed.acknowledged.len(),
            self.lost,
            self.observed.doubled,
        );
    }
}

/// Runs writers and a reader through a fault that opens the circuits and ends with `end`, then
/// compares the database of `url` with what was acknowledged.
pub(super) async fn measure(
    name: &str,
    (server, admin): (&Arc<Server>, &str),
    writers: usize,
    (begin, end): (impl AsyncFnOnce(), impl AsyncFnOnce()),
    url: &str,
) -> Row {
    let load = Load::start(server, admin, name, writers).await;
    let began = Instant::now();
    begin().await;
    let mut failures = None;
    while failures.is_none() && began.elapsed() < FAULT * 3 {
        failures = failures_until_open(server).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(failures.is_some(), "{name}: no circuit opened");
    let mut refusals = measure_refusals(server, Instant::now() + FAULT / 2).await;
    // Another process can only lengthen them.
    for _ in 0..3 {
        if p99(&refusals).is_none_or(|time| time < Duration::from_millis(5)) {
            break;
        }
        let again = measure_refusals(server, Instant::now() + FAULT / 4).await;
        let reached = refusals.reached + again.reached;
        if p99(&again) < p99(&refusals) && !again.times.is_empty() {
            refusals = again;
        }
        refusals.reached = reached;
    }
    end().await;
    let recovery = recovery(server, admin, name).await;
    let observed = load.end().await;
    let lost = lost(url, &observed.acknowledged).await;
    Row { observed, failures, refusals, recovery, lost }
}

/// Number of acknowledged domains that the database does not have.
pub(super) async fn lost(url: &str, acknowledged: &[String]) -> usize {
    let rows = database::sql(url, "SELECT domain_id FROM business_domains").await;
    let stored: HashSet<&String> = rows.iter().map(|row| &row[0]).collect();
    acknowledged.iter().filter(|id| !stored.contains(id)).count()
}
