//! `DATABASE_URL` with two hosts, on servers with streaming replication: a first host that cannot
//! be used, failovers under writers, an old primary that comes back as a standby, and a standby
//! that has not all changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::{Load, Row, lost, measure};
use super::replica_pair::{DATABASE, Instance, ReplicaPair};
use super::{RESET, Refusals, TIMEOUT};
use crate::support::samples::metric;
use crate::support::{Server, database};

const WRITERS: usize = 6;
/// Longest time from the end of a fault until all circuits are closed, and nothing old is fresh.
pub(super) const MAX_RECOVERY: Duration = Duration::from_secs(RESET.as_secs() + 4);
pub(super) const METRIC: &str = "/api/v1/metrics/m1";
pub(super) const LIST: &str = "/api/v1/metrics?limit=10";

/// Starts the service with the time limits of the other chaos tests.
pub(super) async fn start(url: &str) -> Arc<Server> {
    let (timeout, reset) = (TIMEOUT.as_millis().to_string(), RESET.as_millis().to_string());
    let timeouts =
        ["--circuit-breaker-timeout", &timeout, "--circuit-breaker-reset-timeout", &reset];
    let pool = ["--db-connection-timeout", "400", "--db-pool-max", "4"];
    let server = Server::on(url, &[&timeouts[..], &pool].concat()).await;
    server.ready().await;
    Arc::new(server)
}

/// Prints the line of a fault, and asserts that no write was lost or doubled, that no refusal
/// reached the database, and that its times are within their bounds.
pub(super) fn assert_within_bounds(title: &str, max_recovery: Duration, row: &Row) {
    row.print(title);
    assert_eq!((row.lost, row.observed.doubled), (0, 0), "{title}: lost, doubled");
    assert_eq!(row.refusals.reached, 0, "{title}: a refusal reached the database");
    let (longest, recovery) = (row.observed.longest, row.recovery);
    assert!(longest <= TIMEOUT + Duration::from_secs(1), "{title}: a request took {longest:?}");
    assert!(recovery <= max_recovery, "{title}: recovery took {recovery:?}");
    let median = row.refusal_median().unwrap_or_default();
    assert!(median < Duration::from_millis(5), "{title}: refusals take {median:?}");
}

/// Starts the service with a host before the one that works, and runs writers. No request fails.
async fn first_host_is_passed_over(title: &str, host: &str) {
    let url = database::fresh().await;
    let began = Instant::now();
    // The limits of time are the default ones: nothing but the host can make a request fail.
    let server = Server::on(&url.replacen('@', &format!("@{host},"), 1), &[]).await;
    server.ready().await;
    let (server, recovery) = (Arc::new(server), began.elapsed());
    let admin = server.admin().await;
    let load = Load::start(&server, &admin, "first", WRITERS).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let observed = load.end().await;
    let (lost, refused) = (lost(&url, &observed.acknowledged).await, observed.refused);
    let row = Row { observed, failures: None, refusals: Refusals::default(), recovery, lost };
    row.print(title);
    assert_eq!((row.lost, row.observed.doubled, refused), (0, 0, 0), "lost, doubled, refused");
}

#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn first_host_that_cannot_be_used_costs_no_request() {
    Row::print_head();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let accepting = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            open.push(stream);
        }
    });
    first_host_is_passed_over("first host silent since startup (recovery: ready)", &address).await;
    accepting.abort();
    let title = "first host refuses since startup (recovery: ready)";
    first_host_is_passed_over(title, "127.0.0.1:1").await;
}

/// Starts two servers and the service, runs writers through a failover to the standby, and lets the
/// old primary come back as a standby.
async fn fail_over(name: &str, is_synchronous: bool, begin: impl AsyncFn(&Instance) -> ()) -> Row {
    let mut pair = ReplicaPair::start().await;
    let server = start(&pair.url()).await;
    let admin = server.admin().await;
    if is_synchronous {
        pair.make_synchronous().await;
    }
    let faults = (async || begin(&pair.primary).await, async || pair.standby.promote().await);
    let url = pair.standby.url(DATABASE);
    let row = measure(name, (&server, &admin), WRITERS, faults, &url).await;
    pair.primary.kill();
    pair.rejoin().await;
    assert_standby_is_unused(&pair, &server, &admin).await;
    row
}

/// The URL names the standby, possibly first: it is not used.
async fn assert_standby_is_unused(pair: &ReplicaPair, server: &Arc<Server>, admin: &str) {
    let observed = Load::start(server, admin, "rejoined", WRITERS).await.end().await;
    let lost = lost(&pair.primary.url(DATABASE), &observed.acknowledged).await;
    assert_eq!((lost, observed.doubled), (0, 0), "lost, doubled");
    assert_eq!(ReplicaPair::connections(&pair.standby).await, "0", "the standby is used");
}

#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn failover_to_a_replica_loses_and_doubles_no_acknowledged_write() {
    Row::print_head();
    let hung = fail_over("hung", true, async |primary| primary.pause()).await;
    let title = "primary hung, synchronous standby promoted";
    assert_within_bounds(title, MAX_RECOVERY, &hung);
    let switched = fail_over("switched", false, async |old| old.stop().await).await;
    let title = "switchover: primary stopped, standby promoted";
    assert_within_bounds(title, MAX_RECOVERY, &switched);
    let killed = fail_over("killed", true, async |primary| primary.kill()).await;
    let title = "primary killed, synchronous standby promoted";
    assert_within_bounds(title, MAX_RECOVERY, &killed);
}

pub(super) fn tags(tag: &str) -> Value {
    json!({"tags": [tag]})
}

/// Returns the tags that a fresh response has; none for a stale one.
pub(super) async fn fresh_tags(server: &Server, admin: &str, path: &str) -> Option<Value> {
    let answer = server.get(path, admin).await.expect(200);
    let body = answer.json();
    let item = if path == LIST { &body["data"][0] } else { &body["data"] };
    (answer.header("x-cache") != "STALE").then(|| item["tags"].clone())
}

/// Each of five changes is visible at once to the process that made it.
pub(super) async fn assert_changes_are_visible(server: &Server, admin: &str) {
    for round in 0..5 {
        let tag = tags(&format!("after{round}"));
        server.put(METRIC, admin, &tag).await.expect(200);
        for path in [METRIC, LIST] {
            let answered = fresh_tags(server, admin, path).await;
            assert_eq!(answered.as_ref(), Some(&tag["tags"]), "{path} after round {round}");
        }
    }
}

/// The standby lacks the last changes: PostgreSQL itself loses them, and both epochs go back. What
/// was cached of them is not fresh any more.
#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn nothing_lost_by_a_failover_is_answered_as_fresh() {
    Row::print_head();
    let pair = ReplicaPair::start().await;
    let server = start(&pair.url()).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    pair.caught_up().await;
    pair.cut().await;
    let (_, late) = server.user(&admin, "late", "editor").await;
    for round in 0..60 {
        server.put(METRIC, &admin, &tags(&format!("lost{round}"))).await.expect(200);
    }
    let revisions = async |url: &str| {
        let count = "SELECT count(*) FROM metric_revisions WHERE metric_id = 'm1'";
        database::sql(url, count).await[0][0].parse::<usize>().unwrap()
    };
    let acknowledged = revisions(&pair.primary.url(DATABASE)).await;
    let epoch = server.state().catalogue.responses.epochs.current();
    for path in [METRIC, LIST] {
        assert_eq!(fresh_tags(&server, &admin, path).await, Some(json!(["lost59"])));
    }
    server.get(LIST, &late).await.expect(200);

    let faults = (async || pair.primary.kill(), async || pair.standby.promote().await);
    let url = pair.standby.url(DATABASE);
    let mut row = measure("behind", (&server, &admin), 0, faults, &url).await;
    row.lost = acknowledged - revisions(&url).await;
    row.print("primary killed, standby promoted that was cut off before");
    assert_eq!(row.lost, 60, "the standby was not cut off");
    // A write was acknowledged by the new primary: nothing older counts as fresh.
    for path in [METRIC, LIST] {
        let answered = fresh_tags(&server, &admin, path).await;
        assert_ne!(answered, Some(json!(["lost59"])), "{path}");
    }
    assert_changes_are_visible(&server, &admin).await;
    let counter = database::sql(&url, "SELECT epoch FROM catalogue_epochs").await;
    println!("epoch before the failover: {epoch:?}; now {}", counter[0][0]);
    // The account was created after the standby was cut off, and does not exist any more.
    let began = Instant::now();
    while server.get(LIST, &late).await.status != 401 {
        assert!(began.elapsed() < MAX_RECOVERY, "the lost account is still accepted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
