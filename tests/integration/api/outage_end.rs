//! The end of an outage: callers who worked through it notice nothing. The long form, ten outages
//! of five seconds, is ignored in a plain run; `scripts/test` runs it alone.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{Answer, Server, database};

const CACHED: [&str; 3] = ["/api/v1/metrics/m1", "/api/v1/metrics?limit=10", "/api/v1/domains"];
const OPTIONS: [&str; 6] = [
    "--db-connection-timeout",
    "1000",
    "--circuit-breaker-timeout",
    "1000",
    "--circuit-breaker-reset-timeout",
    "1000",
];

/// Who reads, and what.
#[derive(Clone, Copy, Debug)]
enum Traffic {
    CachedByToken,
    CachedByKey,
    UncachedByToken,
    UncachedByKey,
    /// Without credentials, which `ANONYMOUS_READ=false` refuses.
    Anonymous,
}

/// One answered request.
#[derive(Clone, Copy, Debug)]
struct Reading {
    traffic: Traffic,
    sent_at: Instant,
    answered_at: Instant,
    status: u16,
}

struct Load<'a> {
    server: &'a Server,
    token: &'a str,
    key: &'a str,
    has_ended: Cell<bool>,
    number: Cell<u64>,
}

impl Traffic {
    const ALL: [Self; 5] = [
        Self::CachedByToken,
        Self::CachedByKey,
        Self::UncachedByToken,
        Self::UncachedByKey,
        Self::Anonymous,
    ];

    fn is_cached(self) -> bool {
        matches!(self, Self::CachedByToken | Self::CachedByKey)
    }

    fn is_uncached(self) -> bool {
        matches!(self, Self::UncachedByToken | Self::UncachedByKey)
    }
}

impl Load<'_> {
    async fn request(&self, traffic: Traffic) -> Answer {
        let number = self.number.replace(self.number.get() + 1);
        let cached = CACHED[usize::try_from(number).unwrap() % CACHED.len()];
        // Not found, so that each of these needs the database.
        let kind = if number.is_multiple_of(2) { "metrics" } else { "domains" };
        let uncached = format!("/api/v1/{kind}/none{number}");
        match traffic {
            Traffic::CachedByToken => self.server.get(cached, self.token).await,
            Traffic::CachedByKey => self.server.get_with(cached, self.key).await,
            Traffic::UncachedByToken => self.server.get(&uncached, self.token).await,
            Traffic::UncachedByKey => self.server.get_with(&uncached, self.key).await,
            Traffic::Anonymous => self.server.get(cached, "").await,
        }
    }

    async fn run(&self, traffic: Traffic) -> Vec<Reading> {
        let mut readings = Vec::new();
        while !self.has_ended.get() {
            let sent_at = Instant::now();
            let status = self.request(traffic).await.status;
            readings.push(Reading { traffic, sent_at, answered_at: Instant::now(), status });
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        readings
    }
}

/// Sends traffic before, during and after an outage. Asserts that cached reads always succeed, and
/// that after the first uncached read that succeeded none is refused.
async fn survive_outage(
    proxy: &Proxy,
    (server, token, key): (&Server, &str, &str),
    length: Duration,
) {
    server.circuits_closed().await;
    server.settled().await;
    let load = Load { server, token, key, has_ended: Cell::new(false), number: Cell::new(0) };
    for path in CACHED {
        server.get(path, token).await.expect(200);
        server.get_with(path, key).await.expect(200);
    }
    let outage = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.close();
        let closed_at = Instant::now();
        tokio::time::sleep(length).await;
        proxy.open();
        let opened_at = Instant::now();
        server.circuits_closed().await;
        // The listener connects again, and both epochs are polled, within about a second.
        tokio::time::sleep(Duration::from_secs(3)).await;
        load.has_ended.set(true);
        (closed_at, opened_at)
    };
    let traffic = join_all(Traffic::ALL.map(|traffic| load.run(traffic)));
    let ((closed_at, opened_at), readings) = futures_util::future::join(outage, traffic).await;
    let readings: Vec<Reading> = readings.into_iter().flatten().collect();
    let is_refused = |reading: &&Reading| reading.traffic.is_uncached() && reading.status == 503;
    let refused = readings.iter().filter(is_refused).count();
    assert!(refused > 10, "there was an outage");
    for reading in readings.iter().filter(|reading| reading.traffic.is_cached()) {
        assert_eq!(
            reading.status,
            200,
            "{reading:?}, {:?} after the end",
            after(reading, opened_at)
        );
    }
    let anonymous = readings.iter().filter(|reading| matches!(reading.traffic, Traffic::Anonymous));
    assert!(anonymous.clone().count() > 10 && anonymous.clone().all(|one| one.status == 401));
    let first_success = readings
        .iter()
        .filter(|reading| reading.traffic.is_uncached() && reading.sent_at > closed_at)
        .filter(|reading| reading.answered_at > opened_at && reading.status == 404)
        .map(|reading| reading.answered_at)
        .min()
        .expect("a success after the outage");
    for reading in readings.iter().filter(|reading| reading.sent_at > first_success) {
        assert_ne!(
            reading.status,
            503,
            "{reading:?}, {:?} after the end",
            after(reading, opened_at)
        );
    }
    println!(
        "{refused} uncached reads refused, the first success {:?} after the end, {} reads in all",
        first_success - opened_at,
        readings.len()
    );
}

fn after(reading: &Reading, opened_at: Instant) -> Duration {
    reading.sent_at.saturating_duration_since(opened_at)
}

async fn survive_outages(count: usize, length: Duration) {
    let proxy = Proxy::start(true).await;
    let server = Server::on(&proxy.url(&database::fresh().await), &OPTIONS).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (_, token) = server.user(&admin, "eva", "viewer").await;
    let (_, key) = server.key(&token, &["metrics:read", "domains:read"]).await;
    for number in 0..count {
        // Cached responses are of an older epoch when the next outage begins.
        let body = json!({"color": format!("c{number}")});
        server.put("/api/v1/domains/d2", &admin, &body).await.expect(200);
        survive_outage(&proxy, (&server, &token, &key), length).await;
    }
}

#[actix_web::test]
async fn callers_notice_nothing_when_an_outage_ends() {
    survive_outages(1, Duration::from_secs(3)).await;
}

#[actix_web::test]
#[ignore = "takes two minutes: scripts/test runs it alone"]
async fn callers_notice_nothing_at_the_end_of_ten_outages() {
    survive_outages(10, Duration::from_secs(5)).await;
}
