//! Several hosts in `DATABASE_URL`, and servers that are not the primary any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use mdl::actors::db_breaker::Circuit;
use mdl::postgres::connection::{Connector, Timeouts};
use mdl::postgres::server_connection::ServerConnection;
use mdl::postgres::url::DatabaseUrl;
use mdl::storage::StorageError;
use tokio::sync::Barrier;

use crate::support::faulty_network::{Network, NetworkFault};
use crate::support::{Server, database};

/// A host that accepts connections and stays silent. Returns its address, and how many connections
/// it has accepted.
async fn silent_host() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, accepted) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            open.push(stream);
        }
    });
    (address.to_string(), accepted)
}

/// Adds hosts before that of the URL.
fn with_hosts_first(url: &str, hosts: &str) -> String {
    url.replacen('@', &format!("@{hosts},"), 1)
}

fn connector(url: &str) -> Connector {
    let timeouts = Timeouts { connect: Duration::from_secs(4), statement: None };
    Connector::new(DatabaseUrl::parse(&url.into()).unwrap(), timeouts).unwrap()
}

async fn connect(connector: &Connector) -> Result<ServerConnection, String> {
    connector.connect().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn host_that_stays_silent_costs_its_share_of_the_time_once() {
    let url = database::fresh().await;
    let (silent, accepted) = silent_host().await;
    let connector = connector(&with_hosts_first(&url, &format!("{silent},127.0.0.1:1")));
    let began = Instant::now();
    let connection = connect(&connector).await.unwrap();
    assert!(connection.host().starts_with("localhost:"), "{}", connection.host());
    assert!(began.elapsed() >= Duration::from_secs(1), "the share of the first of three hosts");
    let tried = accepted.load(Ordering::SeqCst);
    assert!(tried >= 1);
    // From now on the good one is tried first.
    for _ in 0..3 {
        connect(&connector).await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::SeqCst), tried);
}

#[actix_web::test]
async fn service_becomes_ready_if_its_first_host_stays_silent() {
    let url = database::fresh().await;
    let (silent, _) = silent_host().await;
    let server = Server::on(&with_hosts_first(&url, &silent), &[]).await;
    server.ready().await;
    server.admin().await;
    let reached = server.logs.events("database reached");
    assert!(reached[0]["host"].as_str().unwrap().starts_with("localhost:"), "{reached:?}");
}

/// As a probe, whose limit is over before the share of the first host is.
#[tokio::test]
async fn attempt_after_one_that_was_given_up_begins_with_the_next_host() {
    let url = database::fresh().await;
    let (silent, _) = silent_host().await;
    let connector = connector(&with_hosts_first(&url, &silent));
    let limit = Duration::from_millis(1_500);
    assert!(tokio::time::timeout(limit, connector.connect()).await.is_err());
    let connection = tokio::time::timeout(limit, connect(&connector)).await.unwrap().unwrap();
    assert!(connection.host().starts_with("localhost:"), "{}", connection.host());
}

#[actix_web::test]
async fn listener_leaves_a_host_that_has_become_silent() {
    let url = database::fresh().await;
    let port = database::cluster().rsplit_once(':').unwrap().1.parse().unwrap();
    let network = Network::start(port).await;
    let first = format!("127.0.0.1:{}", network.port);
    let server = Server::on(&with_hosts_first(&url, &first), &[]).await;
    server.ready().await;
    let listening = "SELECT coalesce(string_agg(pid::text, ','), '') FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    database::until(&url, &format!("SELECT ({listening}) <> ''")).await;
    let before = database::sql(&url, listening).await[0][0].clone();
    network.set(NetworkFault::BlackHole);
    // The server does not see either that the old connection has ended.
    let began = Instant::now();
    while database::sql(&url, listening).await[0][0] == before {
        assert!(began.elapsed() < Duration::from_secs(30), "it still listens on the first host");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn errors_of_all_hosts_are_named() {
    let (silent, _) = silent_host().await;
    let timeouts = Timeouts { connect: Duration::from_secs(1), statement: None };
    let url = format!("postgres://u@{silent},127.0.0.1:1/db?sslmode=disable");
    let connector = Connector::new(DatabaseUrl::parse(&url.into()).unwrap(), timeouts).unwrap();
    let error = connect(&connector).await.err().unwrap();
    assert!(error.contains(&format!("{silent}: ")) && error.contains("timed out"), "{error}");
    assert!(error.contains("127.0.0.1:1: ") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn read_only_server_is_no_primary() {
    let url = database::fresh().await;
    let name = url.rsplit_once('/').unwrap().1;
    let demote = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    database::sql(&url, &demote).await;
    let error = connect(&connector(&url)).await.err().unwrap();
    assert!(error.contains("the server is read-only"), "{error}");
    for accepted in ["any", "read-only"] {
        let url = format!("{url}?target_session_attrs={accepted}");
        assert!(connect(&connector(&url)).await.is_ok(), "{accepted}");
    }
    let primary = format!("{}?target_session_attrs=read-only", database::fresh().await);
    let error = connect(&connector(&primary)).await.err().unwrap();
    assert!(error.contains("the server is not read-only"), "{error}");
}

#[actix_web::test]
async fn pool_is_emptied_after_a_failover() {
    let url = database::fresh().await;
    let server = Server::on(&url, &["--db-pool-max", "8"]).await;
    server.ready().await;
    let run = async |sql: &'static str| {
        let work = async |conn: &mut AsyncPgConnection| {
            conn.batch_execute(sql).await.map_err(StorageError::from)
        };
        server.state().db.run(Circuit::Domains, "business_domains.failover", work).await
    };
    // Until it listens, its connection looks like one of the pool.
    let listens = "SELECT count(*) = 1 FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    database::until(&url, listens).await;
    // Four calls hold a connection each at the same time.
    let all_connected = Barrier::new(4);
    let meet = async || {
        let work = async |_: &mut AsyncPgConnection| {
            all_connected.wait().await;
            Ok::<_, StorageError>(())
        };
        server.state().db.run(Circuit::Domains, "business_domains.failover", work).await
    };
    for outcome in join_all((0..4).map(|_| meet())).await {
        outcome.unwrap();
    }
    let pooled = "SELECT coalesce(string_agg(pid::text, ','), '') FROM pg_stat_activity \
                  WHERE datname = current_database() AND application_name LIKE 'mdl/%' \
                  AND query NOT LIKE 'LISTEN%'";
    let before = database::sql(&url, pooled).await[0][0].clone();
    assert!(before.split(',').count() >= 4, "{before}");
    // A statement finds out that the server is a standby now.
    let write = "BEGIN READ ONLY; DELETE FROM business_domains";
    assert!(run(write).await.is_err());
    run("SELECT 1").await.unwrap();
    let gone = format!(
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN ({before}) \
         AND datname = current_database() AND application_name LIKE 'mdl/%'"
    );
    database::until(&url, &gone).await;
}
