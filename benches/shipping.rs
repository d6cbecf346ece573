//! What shipping logs costs requests: the latency of reads at a steady rate from a service that ships a line for each, while the sink is
//! away, slow and back, against one that does not ship, in interleaved pairs of one run. More than a hundred thousand lines.
//!
//!     scripts/with-postgres cargo bench --bench shipping     (with the tools of scripts/test)

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/observability/faults.rs"]
mod faults;
#[path = "load/mod.rs"]
mod load;
#[path = "../tests/observability/logger.rs"]
mod logger;
#[path = "../tests/chaos/fault.rs"]
mod network;
#[path = "../tests/api/support/mod.rs"]
mod support;
#[path = "../tests/observability/tools.rs"]
mod tools;

use std::time::Duration;

use faults::{Faults, Mood};
use logger::{Shipped, lawful};
use mdl::telemetry::shipping::CAPACITY;
use network::{Network, Weather};
use support::Server;
use support::samples::metric;
use tools::Tool;

/// Reads a second, on all connections together.
const RATE: u32 = 3_000;
const PAIRS: usize = 12;

async fn prepared(server: Server) -> (Server, String) {
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    server.get("/api/v1/metrics/m", "").await.expect(200);
    let address = server.base.trim_start_matches("http://").to_owned();
    (server, address)
}

/// Median and 99th percentile, in microseconds.
fn percentiles(mut latencies: Vec<Duration>) -> [f64; 2] {
    latencies.sort_unstable();
    [50, 99].map(|percent| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e6)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[actix_web::main]
async fn main() {
    let anybody = ["--anonymous-read", "true"];
    let tool = Tool::elasticsearch();
    let faults = Faults::start(tool.url());
    let network = Network::start(faults.port).await;
    let url = format!("http://127.0.0.1:{}", network.port);
    let mut shipped = Shipped::start(&["--elasticsearch-enabled", "true", "--elasticsearch-url", &url], CAPACITY);
    let shipping = Server::shipping(shipped.logger.clone(), shipped.sinks.clone(), &anybody).await;
    let (shipping, with) = prepared(shipping).await;
    let (plain, without) = prepared(Server::with(&anybody).await).await;

    println!("| sink | p50 with / without, µs | ratio | p99 with / without, µs | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for (sink, weather, mood) in [
        ("away", Weather::Reset, Mood::Fair),
        ("slow (300 ms an answer)", Weather::Fair, Mood::Slow(300)),
        ("well", Weather::Fair, Mood::Fair),
    ] {
        network.set(weather);
        faults.set(mood);
        let (mut figures, mut ratios) = ([const { Vec::new() }; 4], [const { Vec::new() }; 2]);
        for pair in 0..=PAIRS {
            let order = if pair % 2 == 0 { [true, false] } else { [false, true] };
            let mut both = [[0.0; 2]; 2];
            for ships in order {
                let address = if ships { with.clone() } else { without.clone() };
                both[usize::from(!ships)] = percentiles(load::paced(address, RATE).await);
            }
            // The first pair warms up.
            for percentile in (0..2).filter(|_| pair > 0) {
                figures[percentile * 2].push(both[0][percentile]);
                figures[percentile * 2 + 1].push(both[1][percentile]);
                ratios[percentile].push(both[0][percentile] / both[1][percentile]);
            }
        }
        let [a, b, c, d] = figures.map(median);
        let [p50, p99] = ratios.map(median);
        println!("| {sink} | {a:.0} / {b:.0} | {p50:.3} | {c:.0} / {d:.0} | {p99:.3} |");
        lawful(shipped.counts());
    }
    shipped.calm().await;
    let counts = shipped.counts();
    lawful(counts);
    println!("\nmedians of {PAIRS} pairs of {RATE} reads in a second each; {counts:?}");
    shipping.stop().await;
    plain.stop().await;
    shipped.close().await;
}
