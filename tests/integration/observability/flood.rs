//! A hundred thousand log lines while the sink is unreachable, slow and available again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdl::telemetry::shipping::{CAPACITY, ShippingTimes};
use serde_json::Value;

use crate::observability::faults::{Faults, SinkFault};
use crate::observability::logger::{FAST, Shipped, assert_balanced};
use crate::observability::tools::Tool;
use crate::support::faulty_network::{Network, NetworkFault};

const LINES: u64 = 100_000;

/// Logs all lines through the faults; returns the sequence numbers that the sink received.
async fn flood(options: &[&str; 3], tool: &Tool) -> (Shipped, Vec<u64>) {
    let faults = Faults::start(tool.url());
    let network = Network::start(faults.port).await;
    let url = format!("http://127.0.0.1:{}", network.port);
    network.set(NetworkFault::Reset);
    // A slow machine must not cause a batch to be sent twice.
    let pace = ShippingTimes { response: Duration::from_secs(30), ..FAST };
    let shipped = Shipped::with_times(&[&options[..], &[url.as_str()]].concat(), CAPACITY, pace);
    let over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (sinks, over) = (shipped.sinks.clone(), Arc::clone(&over));
        std::thread::spawn(move || {
            let (mut looks, mut most) = (0_u64, 0);
            while !over.load(Ordering::SeqCst) {
                let counts = sinks.counts()[0].1;
                assert_balanced(counts);
                (looks, most) = (looks + 1, most.max(counts.buffered));
                std::thread::sleep(Duration::from_micros(500));
            }
            (looks, most)
        })
    };
    let (mut lines, mut spent) = (0, Duration::ZERO);
    for third in 0..3 {
        match third {
            0 => {}
            1 => {
                network.set(NetworkFault::None);
                faults.set(SinkFault::Slow(100));
            }
            _ => faults.set(SinkFault::None),
        }
        // From several threads, as requests do; a tenth of the lines are warnings.
        let share = if third == 0 { LINES / 2 } else { LINES / 4 };
        let began = Instant::now();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let logger = shipped.logger.clone();
                std::thread::spawn(move || {
                    for number in 0..share / 4 {
                        let text = "a line of ordinary length, \
                                    so that a hundred thousand of them are as large as in practice";
                        if number % 10 == 0 {
                            slog::warn!(logger, "{text}"; "thread" => thread, "number" => number);
                        } else {
                            slog::info!(logger, "{text}"; "thread" => thread, "number" => number);
                        }
                        if number % 100 == 0 {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                })
            })
            .collect();
        tokio::task::spawn_blocking(move || {
            for thread in threads {
                thread.join().unwrap();
            }
        })
        .await
        .unwrap();
        spent += began.elapsed();
        lines += share;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    shipped.wait_until_shipped().await;
    over.store(true, Ordering::SeqCst);
    let (looks, most) = watcher.join().unwrap();
    assert_eq!(lines, LINES);
    let counts = shipped.counts();
    assert_balanced(counts);
    println!(
        "{counts:?}; balanced in {looks} checks, at most {most} buffered; logging took {spent:?}"
    );
    assert!(most <= CAPACITY.events as u64 + 8, "{most}");
    assert!(counts.dropped > 0, "the sink was unreachable long enough to lose events");
    assert_eq!(counts.buffered, 0);
    (shipped, faults.taken())
}

/// What arrived is in order, and complete except for what the markers report.
fn assert_complete(shipped: &Shipped, arrived: &[Value]) {
    let counts = shipped.counts();
    let sequences: Vec<u64> =
        arrived.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "each once, in order");
    assert_eq!(sequences.len() as u64, counts.shipped);
    let missing = (1..=counts.enqueued)
        .filter(|number| sequences.binary_search(number).is_err())
        .count() as u64;
    let markers: Vec<&Value> =
        arrived.iter().filter(|event| event["message"] == "log events dropped").collect();
    assert!(!markers.is_empty());
    let reported: u64 = markers.iter().map(|marker| marker["dropped"].as_u64().unwrap()).sum();
    assert_eq!((missing, reported), (counts.dropped, counts.dropped));
    assert!(
        markers.iter().all(|marker| marker["levels"]["warning"].is_null()),
        "warnings were kept"
    );
    let warnings = arrived.iter().filter(|event| event["level"] == "warning").count();
    assert_eq!(warnings - markers.len(), 10_000, "all warnings, although info lines were lost");
}

#[actix_web::test]
async fn elasticsearch_receives_markers_for_dropped_events() {
    let tool = Tool::elasticsearch();
    let options = ["--elasticsearch-enabled", "true", "--elasticsearch-url"];
    let (mut shipped, taken) = flood(&options, &tool).await;
    assert_complete(&shipped, &crate::observability::elasticsearch::documents(&tool.url()).await);
    assert!(taken.is_sorted(), "sent in order");
    shipped.close().await;
}

#[actix_web::test]
async fn cloudwatch_receives_markers_for_dropped_events() {
    let tool = Tool::aws();
    let options = ["--aws-cloudwatch-enabled", "true", "--aws-endpoint-url"];
    let (mut shipped, _) = flood(&options, &tool).await;
    assert_complete(&shipped, &crate::observability::cloudwatch::events(&tool.url()).await);
    shipped.close().await;
}
