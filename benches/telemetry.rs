//! Cost of telemetry for requests, in interleaved pairs of one run: counting and timing them for
//! Prometheus, and shipping more than a hundred thousand log lines while the sink is unreachable,
//! slow and available.
//!
//!     scripts/with-postgres cargo bench --bench telemetry     (with the tools of scripts/test)

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "load/mod.rs"]
mod load;
#[path = "../tests/integration/observability"]
mod observability {
    pub mod faults;
    pub mod logger;
    pub mod tools;
}
#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use mdl::telemetry::shipping::{CAPACITY, Shipping};
use mdl::telemetry::sinks::Sinks;
use observability::faults::{Faults, SinkFault};
use observability::logger::{self, Shipped, assert_balanced};
use observability::tools::Tool;
use slog::{Drain, Logger};
use support::Server;
use support::faulty_network::{Network, NetworkFault};
use support::samples::metric;

/// Reads per second on all connections together.
const RATE: u32 = 1_000;
const ROUNDS: usize = 20;
/// Arms of a round; the other one is a service that does not ship.
const SHIPS: usize = 0;
const BESIDE: usize = 2;
const ANONYMOUS: [&str; 2] = ["--anonymous-read", "true"];

async fn prepared(server: Server) -> (Server, String) {
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    server.get("/api/v1/metrics/m", "").await.expect(200);
    let address = server.base.trim_start_matches("http://").to_owned();
    (server, address)
}

/// Returns the median and the 99th percentile in microseconds.
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
    log_line();
    Box::pin(measuring()).await;
    Box::pin(shipping()).await;
}

/// Prints the time of one `request` line for the logging thread, while the buffer is full.
fn log_line() {
    const LINES: u32 = 500_000;
    let options = ["--elasticsearch-enabled", "true"];
    let prepared = Shipping::prepare(&logger::config(&options), CAPACITY, logger::FAST).unwrap();
    let drain = prepared.drain(&mut Sinks::default());
    let logger = Logger::root(
        drain.fuse(),
        slog::o!("request_id" => "01a20e2d-be57-73c9-9cde-27576b0bb8bc"),
    );
    let began = Instant::now();
    for number in 0..LINES {
        slog::info!(logger, "request"; "method" => "GET", "route" => "/api/v1/metrics/{id}",
            "status" => 200, "duration_ms" => f64::from(number) / 1000.0,
            "client" => "203.0.113.7", "user" => Some("admin"), "api_key" => None::<&str>);
    }
    println!("a line into a full buffer: {} ns\n", began.elapsed().as_nanos() / u128::from(LINES));
}

/// Measures throughput, because the cost is too small to show in latencies.
async fn measuring() {
    let (measured, with) = prepared(Server::with(&ANONYMOUS).await).await;
    let (free, without) =
        prepared(Server::with(&[&ANONYMOUS[..], &["--metrics-enabled", "false"]].concat()).await)
            .await;
    println!(
        "a cached anonymous read, the cheapest request, with and without metrics for Prometheus"
    );
    let counted = async || load::throughput(with.clone(), String::new()).await;
    load::compare("metrics", 31, counted, async || {
        load::throughput(without.clone(), String::new()).await
    })
    .await;
    measured.stop().await;
    free.stop().await;
}

/// Logs as many lines as the requests of one second, from another thread.
fn log_beside(logger: Logger) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for number in 0..RATE / 10 {
            for _ in 0..10 {
                slog::info!(logger, "request"; "method" => "GET",
                    "route" => "/api/v1/metrics/{id}", "status" => 200,
                    "duration_ms" => f64::from(number) / 1000.0, "client" => "127.0.0.1",
                    "user" => None::<&str>, "api_key" => None::<&str>,
                    "request_id" => "01a20e2d-be57-73c9-9cde-27576b0bb8bc");
            }
            std::thread::sleep(Duration::from_secs(1) * 10 / RATE);
        }
    })
}

/// Measures latencies at a steady rate.
async fn shipping() {
    let tool = Tool::elasticsearch_low_priority();
    let faults = Faults::start(tool.url());
    let network = Network::start(faults.port).await;
    let url = format!("http://127.0.0.1:{}", network.port);
    let mut shipped =
        Shipped::start(&["--elasticsearch-enabled", "true", "--elasticsearch-url", &url], CAPACITY);
    let shipping =
        Server::shipping(shipped.logger.clone(), shipped.sinks.clone(), &ANONYMOUS).await;
    let (shipping, with) = prepared(shipping).await;
    let (plain, without) = prepared(Server::with(&ANONYMOUS).await).await;

    println!("\n| sink | p50 ships / does not / beside, µs | ratios | p99, µs | ratios |");
    println!("| --- | --- | --- | --- | --- |");
    for (sink, weather, fault) in [
        ("unreachable", NetworkFault::Reset, SinkFault::None),
        ("slow (300 ms per response)", NetworkFault::None, SinkFault::Slow(300)),
        ("available", NetworkFault::None, SinkFault::None),
    ] {
        network.set(weather);
        faults.set(fault);
        let (mut figures, mut ratios) = ([const { Vec::new() }; 6], [const { Vec::new() }; 4]);
        for round in 0..=ROUNDS {
            let mut three = [[0.0; 2]; 3];
            for turn in 0..3 {
                let arm = (round + turn) % 3;
                let address = if arm == SHIPS { with.clone() } else { without.clone() };
                // The sink, its proxies and the shipper share these processors. In the third arm
                // another thread logs as many lines and the measured service does not ship, which
                // shows the cost of the machine.
                let beside = (arm == BESIDE).then(|| log_beside(shipped.logger.clone()));
                three[arm] = percentiles(load::paced(address, RATE).await);
                beside.map(std::thread::JoinHandle::join);
            }
            // The first round warms up.
            for percentile in (0..2).filter(|_| round > 0) {
                let [ships, plain, beside] = three.map(|arm| arm[percentile]);
                for (arm, figure) in [ships, plain, beside].into_iter().enumerate() {
                    figures[percentile * 3 + arm].push(figure);
                }
                ratios[percentile * 2].push(ships / plain);
                ratios[percentile * 2 + 1].push(ships / beside);
            }
        }
        let figures = figures.map(|figure| format!("{:.0}", median(figure)));
        let ratios = ratios.map(|ratio| format!("{:.3}", median(ratio)));
        let [p50, p99] = [&figures[..3], &figures[3..]].map(|three| three.join(" / "));
        println!(
            "| {sink} | {p50} | {} | {p99} | {} |",
            ratios[..2].join(", "),
            ratios[2..].join(", ")
        );
        assert_balanced(shipped.counts());
    }
    shipped.wait_until_shipped().await;
    let counts = shipped.counts();
    assert_balanced(counts);
    println!("\nmedians of {ROUNDS} rounds of {RATE} reads in a second for each; {counts:?}");
    shipping.stop().await;
    plain.stop().await;
    shipped.close().await;
}
