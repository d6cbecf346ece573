//! A server that accepts connections and answers nothing (`kill -STOP`): how soon all circuits are
//! open, and what a refusal takes. `benches/breaker.rs` asserts its time in the release build.

use std::time::Duration;

use serde_json::json;

use crate::support::frozen::{REFUSALS, freeze, start};

/// A refusal over HTTP does no more than a response that needs no database: no call gets a permit,
/// so none takes a connection or waits for one, also while the server is probed.
#[actix_web::test]
#[ignore = "pauses the cluster; scripts/test runs it on one of its own"]
async fn all_circuits_open_within_2500_ms_and_refusals_wait_for_nothing() {
    let (server, admin) = start().await;
    let frozen = freeze(&server, &admin).await;
    frozen.print();
    let opened = frozen.opened.0;
    assert!(opened <= Duration::from_millis(2500), "{opened:?}");

    let (mut rejects, mut probes) = (0, 0);
    for (before, after) in &frozen.stats {
        assert_eq!((after.fires, after.failures), (before.fires, before.failures), "{after:?}");
        rejects += after.rejects - before.rejects;
        probes += after.transitions.half_open - before.transitions.half_open;
    }
    let refusals = frozen.refusals();
    assert!(refusals.len() >= REFUSALS && rejects >= refusals.len() as u64, "{rejects}");
    assert!(probes > 0, "the server was not probed meanwhile");
    // Medians of requests that are sent in turns: other processes delay all alike.
    let median = |times: &[Duration]| times[times.len() / 2];
    let free = median(&frozen.times[4].1);
    for (what, times) in &frozen.times[..4] {
        let refused = median(times);
        assert!(refused < free * 3 + Duration::from_millis(5), "{what}: {refused:?}, {free:?}");
    }

    server.circuits_closed().await;
    let body = json!({"domain_id": "after", "name": "After"});
    server.post("/api/v1/domains", &admin, &body).await.expect(201);
}
