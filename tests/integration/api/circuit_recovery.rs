//! An outage of the server opens all circuits together, and its end closes them together; callers
//! are never probes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use mdl::actors::db_breaker::{Circuit, CircuitReport, CircuitState, DbError};
use strum::IntoEnumIterator;

use crate::support::faulty_network::{Network, NetworkFault};
use crate::support::proxy::Proxy;
use crate::support::{Server, database};

async fn reports(server: &Server) -> Vec<CircuitReport> {
    server.state().db.report().await.unwrap().0
}

/// Waits until all circuits are in this state. Returns their reports, and when they were made.
async fn until_all(
    server: &Server,
    state: CircuitState,
    limit: Duration,
) -> (Vec<CircuitReport>, Instant) {
    let until = Instant::now() + limit;
    loop {
        let (found, now) = (reports(server).await, Instant::now());
        if found.iter().all(|report| report.state == state) {
            return (found, now);
        }
        assert!(now < until, "not all are {state:?}: {found:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a query under a circuit.
async fn call(server: &Server, circuit: Circuit) -> Result<(), DbError> {
    let db = server.state().db.clone();
    db.run(circuit, "server.ping", async |conn| {
        diesel::sql_query("SELECT 1").execute(conn).await?;
        Ok(())
    })
    .await
}

/// Starts the service, stops its database, and starts it again when all circuits are open. Returns
/// how long after that the last circuit closed, without traffic.
async fn recovery(reset_timeout: Duration) -> Duration {
    let proxy = Proxy::start(true).await;
    let reset = reset_timeout.as_millis().to_string();
    let options = ["--circuit-breaker-reset-timeout", &reset, "--db-connection-timeout", "300"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    proxy.close();
    let until = Instant::now() + Duration::from_secs(10);
    while reports(&server).await.iter().any(|report| report.state == CircuitState::Closed) {
        assert!(call(&server, Circuit::Metrics).await.is_err());
        assert!(Instant::now() < until, "{:#?}", reports(&server).await);
    }
    proxy.open();
    let opened_at = Instant::now();
    let limit = reset_timeout + Duration::from_secs(10);
    let (closed, now) = until_all(&server, CircuitState::Closed, limit).await;
    let closed_for: Vec<_> = closed.iter().map(|report| report.in_state_for).collect();
    assert!(closed_for.iter().all(|time| *time == closed_for[0]), "not together: {closed:#?}");
    for circuit in Circuit::iter() {
        call(&server, circuit).await.unwrap();
    }
    server.stop().await;
    now.saturating_duration_since(opened_at).saturating_sub(closed_for[0])
}

#[actix_web::test]
async fn all_circuits_close_together_within_reset_timeout_plus_one_second() {
    let reset_timeouts = [1, 12, 30].map(Duration::from_secs);
    let took = join_all(reset_timeouts.map(recovery)).await;
    println!("closed after {took:?}");
    for (took, reset_timeout) in took.iter().zip(reset_timeouts) {
        assert!(*took <= reset_timeout + Duration::from_secs(1), "{reset_timeout:?}: {took:?}");
    }
}

async fn behind(network: &Network, options: &[&str]) -> Server {
    let url = database::fresh().await;
    let name = url.rsplit_once('/').unwrap().1;
    let through = format!("postgres://postgres@127.0.0.1:{}/{name}", network.port);
    let server = Server::on(&through, options).await;
    server.ready().await;
    server
}

async fn network() -> Network {
    Network::start(database::cluster().rsplit_once(':').unwrap().1.parse().unwrap()).await
}

/// One call of each circuit is enough evidence: it is silent for the whole timeout, and then the
/// probe of the server is, too. The volume threshold is out of reach, because the polls of the key
/// cache are calls of one circuit, which could open by itself before the probe fails.
#[actix_web::test]
async fn frozen_server_opens_all_circuits_after_two_timeouts() {
    let network = network().await;
    let options =
        ["--circuit-breaker-timeout", "1000", "--circuit-breaker-volume-threshold", "1000"];
    let server = behind(&network, &options).await;
    server.warm(4).await;
    network.set(NetworkFault::BlackHole);
    let frozen_at = Instant::now();
    let calls = join_all(Circuit::iter().map(|circuit| call(&server, circuit)));
    assert!(calls.await.into_iter().all(|outcome| outcome.is_err()));
    let (open, now) = until_all(&server, CircuitState::Open, Duration::from_secs(10)).await;
    let since_frozen = now.saturating_duration_since(frozen_at);
    let took = since_frozen.saturating_sub(open[0].in_state_for);
    println!("all circuits opened {took:?} after the server froze");
    assert!(took <= Duration::from_millis(2500), "{took:?}");
    assert!(open.iter().all(|report| report.in_state_for == open[0].in_state_for), "{open:#?}");
    for report in open {
        let newest = &report.last_transitions[0];
        assert!(newest.cause.starts_with("server unavailable: "), "{newest:?}");
    }
}

#[actix_web::test]
async fn callers_are_refused_at_once_while_probes_hang() {
    let network = network().await;
    let options = ["--circuit-breaker-timeout", "400", "--circuit-breaker-reset-timeout", "300"];
    let server = behind(&network, &options).await;
    server.warm(1).await;
    network.set(NetworkFault::BlackHole);
    assert!(call(&server, Circuit::Auth).await.is_err());
    let opened = until_all(&server, CircuitState::Open, Duration::from_secs(10)).await.0;
    let probes = opened[0].stats.transitions.half_open;
    let (db, reached) = (server.state().db.clone(), AtomicUsize::new(0));
    let until = Instant::now() + Duration::from_secs(10);
    let mut refused = 0_u64;
    // For several probes, each of which hangs until its time limit.
    while reports(&server).await[0].stats.transitions.half_open < probes + 4 {
        assert!(Instant::now() < until, "no probes");
        for circuit in Circuit::iter() {
            let outcome = db.run(circuit, "server.ping", async |_| {
                reached.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            match outcome.await {
                Err(DbError::Unavailable { retry_after }) => {
                    assert!(retry_after >= Duration::from_secs(1), "{retry_after:?}");
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(reached.into_inner(), 0, "a caller was a probe");
    let counted: u64 = reports(&server).await.iter().map(|report| report.stats.rejects).sum();
    assert!(counted >= refused, "{counted} of {refused}");
    network.set(NetworkFault::None);
    until_all(&server, CircuitState::Closed, Duration::from_secs(10)).await;
}

/// A server that answers is no outage, however long the statements of one circuit wait.
#[actix_web::test]
async fn circuit_of_waiting_statements_opens_alone() {
    let url = database::fresh().await;
    let options = ["--circuit-breaker-timeout", "3000"];
    let server = Server::on(&url, &options).await;
    server.ready().await;
    server.warm(10).await;
    let client = database::connect(&url).await;
    client.batch_execute("BEGIN; LOCK TABLE metrics").await.unwrap();
    let db = server.state().db.clone();
    let slow = || {
        db.run(Circuit::Metrics, "metrics.list", async |conn| {
            diesel::sql_query("SELECT * FROM metrics").execute(conn).await?;
            Ok(())
        })
    };
    assert!(join_all((0..10).map(|_| slow())).await.into_iter().all(|call| call.is_err()));
    let found = reports(&server).await;
    let states: Vec<_> = found.iter().map(|report| report.state.as_ref().to_owned()).collect();
    assert_eq!(states, ["open", "closed", "closed", "closed"], "{found:#?}");
    let stats = found[0].stats;
    assert!(stats.timeouts > 0 && stats.timeouts == stats.failures, "{stats:?}");
    assert_eq!(stats.failures_by_cause.lock_timeout, stats.timeouts, "{stats:?}");
    call(&server, Circuit::Auth).await.unwrap();
}
