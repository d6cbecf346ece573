//! A network that loses packets. It is simulated where TCP shows it, in a proxy that delays and
//! resets (`NetworkFault::Lossy`), because the kernel's `netem` is not available everywhere. So no
//! packets are dropped, and congestion control takes no part.

use std::time::{Duration, Instant};

use futures_util::future::join;

use super::failover::{assert_within_bounds, start};
use super::load::{Load, Row, lost};
use super::{RESET, failures_until_open, measure_refusals, recovery};
use crate::support::database;
use crate::support::faulty_network::{Network, NetworkFault};

const LASTS: Duration = Duration::from_secs(10);

/// A circuit that opens again and again stays open for up to eight times as long, with a jitter of
/// a tenth.
const MAX_RECOVERY: Duration = Duration::from_secs(RESET.as_secs() * 9 + 4);

async fn lose_packets() -> Row {
    let url = database::fresh().await;
    let port = database::cluster().rsplit_once(':').unwrap().1.parse().unwrap();
    let network = Network::start(port).await;
    let name = url.rsplit_once('/').unwrap().1;
    let server = start(&format!("postgres://postgres@127.0.0.1:{}/{name}", network.port)).await;
    let admin = server.admin().await;
    let load = Load::start(&server, &admin, "lossy", 6).await;
    let before = load.acknowledged();
    network.set(NetworkFault::Lossy);
    let until = Instant::now() + LASTS;
    let first_open = async {
        let mut failures = None;
        while failures.is_none() && Instant::now() < until {
            failures = failures_until_open(&server).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        failures
    };
    let (failures, refusals) = join(first_open, measure_refusals(&server, until)).await;
    let during = load.acknowledged() - before;
    network.set(NetworkFault::None);
    let recovery = recovery(&server, &admin, "lossy").await;
    let observed = load.end().await;
    let (refused, overloaded) = (observed.refused, observed.overloaded);
    println!(
        "while it lasted {during} writes acknowledged; {refused} responses unavailable or unknown, \
         {overloaded} overloaded"
    );
    for event in server.logs.events("circuit opened") {
        println!("{} opened: {}", event["circuit"], event["cause"]);
    }
    assert!(during > 0, "nothing was written while packets were lost");
    let lost = lost(&url, &observed.acknowledged).await;
    Row { observed, failures, refusals, recovery, lost }
}

#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn lossy_network_loses_and_doubles_no_acknowledged_write() {
    Row::print_head();
    assert_within_bounds("lossy network (10 s)", MAX_RECOVERY, &lose_packets().await);
}
