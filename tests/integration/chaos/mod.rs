//! Faults of the database: what the service does while they last, and how it recovers. Each fault
//! affects a cluster of its own:
//!
//!     scripts/with-postgres cargo test --test integration chaos:: \
//!         -- --ignored --nocapture --test-threads 1
//!
//! Ignored in a plain `cargo test` because it stops the cluster that the other tests share;
//! `scripts/test` runs it.

mod failover;
mod frozen;
mod full_disk;
mod load;
mod lossy;
mod read_replica;
mod replica_pair;
mod restore;
mod saturation;
mod synchronous;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mdl::actors::db_breaker::Circuit;
use serde_json::json;

use crate::support::database::ctl;
use crate::support::faulty_network::{Network, NetworkFault};
use crate::support::{Server, database};

const TIMEOUT: Duration = Duration::from_secs(1);
const RESET: Duration = Duration::from_secs(1);
const VOLUME: u64 = 10;
const FAULT: Duration = Duration::from_secs(4);
const POOL: usize = 4;
/// A recovery that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the writers were answered.
#[derive(Default)]
struct Written {
    acknowledged: Vec<String>,
    longest: Duration,
}

async fn write(
    server: Arc<Server>,
    token: String,
    name: String,
    ended: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
) -> Written {
    let mut written = Written::default();
    while !ended.load(Ordering::SeqCst) {
        let id = format!("{name}-{}", number.fetch_add(1, Ordering::SeqCst));
        let began = Instant::now();
        let answer =
            server.post("/api/v1/domains", &token, &json!({"domain_id": id, "name": id})).await;
        written.longest = written.longest.max(began.elapsed());
        match answer.status {
            201 => written.acknowledged.push(id),
            // 504: its COMMIT was not confirmed.
            503 | 504 => tokio::time::sleep(Duration::from_millis(10)).await,
            other => panic!("{other}: {}", answer.text),
        }
    }
    written
}

/// The failures of the first circuit that is open.
async fn failures_until_open(server: &Server) -> Option<u64> {
    let circuits = server.state().db.report().await.unwrap().0;
    circuits
        .iter()
        .find(|report| report.state.as_ref() == "open")
        .map(|report| report.stats.failures)
}

/// Whether the circuit of the writers is open, and stays open for the next 50 ms.
async fn is_open(server: &Server) -> bool {
    server.state().db.report().await.unwrap().0.iter().any(|report| {
        let left = report.retry_after.unwrap_or_default();
        report.circuit == Circuit::Domains
            && report.state.as_ref() == "open"
            && left > Duration::from_millis(50)
    })
}

/// Refusals while the circuit was open.
#[derive(Default)]
struct Refusals {
    times: Vec<Duration>,
    /// Calls whose work ran although they should have been refused.
    reached: usize,
}

/// Calls the database again and again while the circuit is open, until `until`.
async fn measure_refusals(server: &Server, until: Instant) -> Refusals {
    let mut refusals = Refusals::default();
    while Instant::now() < until {
        // Only refusals: a call at the end of the open time may be the probe, which waits for the
        // database.
        if is_open(server).await {
            let (reached, began) = (AtomicUsize::new(0), Instant::now());
            let state = server.state();
            let refused = state.db.run(Circuit::Domains, "business_domains.refused", async |_| {
                reached.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            assert!(refused.await.is_err());
            refusals.times.push(began.elapsed());
            refusals.reached += reached.into_inner();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    refusals.times.sort_unstable();
    refusals
}

/// Waits until all circuits are closed, and twice as many writes at once as the pool has
/// connections succeed. Returns how long that took. The writes share one connection with those of
/// the other writers: one that waited too long for its turn is sent again, as its response asks.
async fn recovery(server: &Server, admin: &str, name: &str) -> Duration {
    let over = Instant::now();
    loop {
        let circuits = server.state().db.report().await.unwrap().0;
        let closed = circuits.iter().all(|circuit| circuit.state.as_ref() == "closed");
        let writes = (0..POOL * 2).map(|at| async move {
            let id = format!("{name}-back-{at}-{}", over.elapsed().as_micros());
            let body = json!({"domain_id": id, "name": id});
            loop {
                let answer = server.post("/api/v1/domains", admin, &body).await;
                if !answer.text.contains("\"OVERLOADED\"") {
                    return answer.status == 201;
                }
                assert!(over.elapsed() < PATIENCE, "{name}: refused by its own queue");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        if closed && join_all(writes).await.into_iter().all(|written| written) {
            return over.elapsed();
        }
        assert!(over.elapsed() < PATIENCE, "{name}: not recovered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts the service on a new database behind the network.
async fn start(network: &Network, url: &str) -> Server {
    let name = url.rsplit_once('/').unwrap().1;
    let through = format!("postgres://postgres@127.0.0.1:{}/{name}", network.port);
    let (timeout, reset) = (TIMEOUT.as_millis().to_string(), RESET.as_millis().to_string());
    let options = [
        "--circuit-breaker-timeout",
        &timeout,
        "--circuit-breaker-reset-timeout",
        &reset,
        "--db-connection-timeout",
        "400",
        "--db-pool-max",
        "4",
    ];
    let server = Server::on(&through, &options).await;
    server.ready().await;
    server
}

/// Measures one fault from beginning to end, prints its line of the table, and asserts: the circuit
/// opens within its volume, refusals do not reach the database, no acknowledged write is lost. The
/// bounds of time hold in one run, on a machine that does other work, too.
async fn endure(title: &str, begin: impl AsyncFn(&Network), end: impl AsyncFn(&Network)) {
    let (url, name) = (database::fresh().await, title.replace(' ', "-"));
    let port = database::cluster().rsplit_once(':').unwrap().1.parse().unwrap();
    let network = Network::start(port).await;
    let server = Arc::new(start(&network, &url).await);
    let admin = server.admin().await;
    server.get("/api/v1/domains", &admin).await.expect(200);

    begin(&network).await;
    let began = Instant::now();
    let (ended, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let (server, admin, ended, number) =
                (server.clone(), admin.clone(), ended.clone(), number.clone());
            actix_web::rt::spawn(write(server, admin, name.clone(), ended, number))
        })
        .collect();
    let mut failures = None;
    while failures.is_none() && began.elapsed() < FAULT {
        failures = failures_until_open(&server).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let failures = failures.unwrap_or_else(|| panic!("{name}: no circuit opened"));
    let refusals = measure_refusals(&server, began + FAULT).await;
    end(&network).await;
    let recovery = recovery(&server, &admin, &name).await;
    ended.store(true, Ordering::SeqCst);

    let (mut acknowledged, mut longest) = (Vec::new(), Duration::ZERO);
    for writer in writers {
        let written = writer.await.unwrap();
        acknowledged.extend(written.acknowledged);
        longest = longest.max(written.longest);
    }
    let rows = database::sql(&url, "SELECT domain_id FROM business_domains").await;
    let stored: HashSet<&String> = rows.iter().map(|row| &row[0]).collect();
    let lost = acknowledged.iter().filter(|id| !stored.contains(id)).count();
    assert!(!refusals.times.is_empty(), "{name}: the circuit was never seen open");
    let p99 = refusals.times[refusals.times.len() * 99 / 100];
    println!(
        "| {title} | {failures} | {:.2} | {:.0} | {:.0} | {} | {lost} |",
        p99.as_secs_f64() * 1000.0,
        longest.as_secs_f64() * 1000.0,
        recovery.as_secs_f64() * 1000.0,
        acknowledged.len()
    );
    assert!(failures <= VOLUME, "{name}: {failures} failures until it opened");
    assert_eq!(refusals.reached, 0, "{name}: a refusal reached the database");
    assert_eq!(lost, 0, "{name}");
    assert!(p99 < Duration::from_millis(5), "{name}: refusals take {p99:?}");
    assert!(longest <= TIMEOUT + Duration::from_secs(1), "{name}: a request took {longest:?}");
    assert!(recovery <= RESET + Duration::from_secs(4), "{name}: recovery took {recovery:?}");
}

#[actix_web::test]
#[ignore = "hurts the cluster; scripts/test runs it on one of its own"]
async fn service_survives_every_fault() {
    println!(
        "\n| fault | failures until open | refusal p99, ms | longest request, ms | recovery, ms | \
         writes acknowledged | lost |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for fault in [
        NetworkFault::Refuse,
        NetworkFault::BlackHole,
        NetworkFault::Delay,
        NetworkFault::Reset,
        NetworkFault::HalfClose,
    ] {
        let begin = async |network: &Network| network.set(fault);
        endure(&format!("{fault:?}"), begin, async |network| network.set(NetworkFault::None)).await;
    }
    endure("server paused", async |_| ctl("pause"), async |_| ctl("resume")).await;
    endure("server killed", async |_| ctl("kill"), async |_| ctl("start")).await;
    endure("immediate shutdown", async |_| ctl("stop"), async |_| ctl("start")).await;
    let taken = std::cell::RefCell::new(Vec::new());
    let take = async |network: &Network| {
        // The service must not get a slot first.
        network.set(NetworkFault::Refuse);
        ctl("stop");
        ctl("start-small");
        for _ in 0..16 {
            if let Ok((client, connection)) =
                tokio_postgres::connect(&database::url("postgres"), tokio_postgres::NoTls).await
            {
                tokio::spawn(connection);
                taken.borrow_mut().push(client);
            }
        }
        network.set(NetworkFault::None);
    };
    endure("all slots taken", take, async |_| taken.borrow_mut().clear()).await;
}

/// Restarts the cluster while no request is under way: the prepared statements are gone, and no
/// request fails.
#[actix_web::test]
#[ignore = "stops the cluster; scripts/test runs it on one of its own"]
async fn writes_succeed_after_quiet_restart() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for number in 0..20 {
        let id = format!("before{number}");
        server
            .post("/api/v1/domains", &admin, &json!({"domain_id": id, "name": id}))
            .await
            .expect(201);
    }
    ctl("stop");
    ctl("start");
    tokio::time::sleep(Duration::from_millis(200)).await;
    for number in 0..20 {
        let id = format!("after{number}");
        server
            .post("/api/v1/domains", &admin, &json!({"domain_id": id, "name": id}))
            .await
            .expect(201);
    }
    println!(
        "| restart in a moment of quiet | none: 20 of 20 writes right after it are acknowledged \
         | | | | | 0 |"
    );
}
