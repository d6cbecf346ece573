//! Cost of the circuit breaker: reading one metric through it and on the bare pool, in interleaved
//! pairs of one run; the time of a refusal and of a permit; and the time of refusals over HTTP
//! while the server is frozen, which must be less than 5 ms (99th percentile). The last is for a
//! machine without other load.
//!
//!     scripts/with-postgres cargo bench --bench breaker

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use futures_util::future::join_all;
use mdl::actors::db_breaker::{Circuit, Control};
use mdl::storage::metrics;
use support::Server;
use support::samples::metric;

const PAIRS: usize = 15;
const SLICE: Duration = Duration::from_millis(400);
const CALLERS: usize = 16;

/// Returns calls per second by [`CALLERS`] concurrent callers during [`SLICE`].
async fn throughput(call: impl AsyncFn() + Clone + 'static) -> f64 {
    let began = Instant::now();
    // One task for each caller, as for requests: a single future that polls all callers would
    // measure itself.
    let callers = (0..CALLERS).map(|_| {
        let call = call.clone();
        actix_web::rt::spawn(async move {
            let mut done = 0_u32;
            while began.elapsed() < SLICE {
                call().await;
                done += 1;
            }
            f64::from(done)
        })
    });
    let done: f64 = join_all(callers).await.into_iter().map(|done| done.unwrap()).sum();
    done / began.elapsed().as_secs_f64()
}

async fn each(times: u32, call: impl AsyncFn()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        call().await;
    }
    began.elapsed() / times
}

#[actix_web::main]
async fn main() {
    // Both without TLS, which the bare pool does not use.
    let url = format!("{}?sslmode=disable", support::database::fresh().await);
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let state = server.state();
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(&server.database_url);
    let bare =
        bb8::Pool::builder().max_size(10).test_on_check_out(false).build(manager).await.unwrap();
    let db = state.db.clone();
    let through = async move || {
        db.run(Circuit::Metrics, "metrics.bench", async |conn| metrics::get(conn, "m").await)
            .await
            .unwrap();
    };
    let pool = bare.clone();
    let directly = async move || {
        metrics::get(&mut pool.get().await.unwrap(), "m").await.unwrap();
    };
    let mut ratios = Vec::new();
    for pair in 0..=PAIRS {
        // The order alternates, so that neither is always second.
        let (a, b) = if pair % 2 == 0 {
            let a = throughput(through.clone()).await;
            (a, throughput(directly.clone()).await)
        } else {
            let b = throughput(directly.clone()).await;
            (throughput(through.clone()).await, b)
        };
        if pair > 0 {
            ratios.push(a / b);
            println!(
                "pair {pair}: {a:.0} through the breaker, {b:.0} on the bare pool, a second: {:.3}",
                a / b
            );
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "\nthroughput through the breaker / bare pool, median of {PAIRS} pairs: {:.3}",
        ratios[PAIRS / 2]
    );
    let permit = each(20_000, async || {
        state.db.run(Circuit::Domains, "business_domains.permit", async |_| Ok(())).await.unwrap();
    })
    .await;
    let checkout = each(20_000, async || drop(bare.get().await.unwrap())).await;
    println!(
        "a permit: {} ns (permit and connection {} ns, connection alone {} ns)",
        permit.saturating_sub(checkout).as_nanos(),
        permit.as_nanos(),
        checkout.as_nanos()
    );
    state.db.control(Circuit::Domains, Control::Isolate, "bench".into()).await.unwrap();
    let refusal = each(20_000, async || {
        drop(state.db.run(Circuit::Domains, "business_domains.refused", async |_| Ok(())).await);
    })
    .await;
    println!("a refusal: {} ns", refusal.as_nanos());
    server.stop().await;
    Box::pin(refusals_of_a_frozen_server()).await;
}

async fn refusals_of_a_frozen_server() {
    let (server, admin) = support::frozen::start().await;
    let frozen = support::frozen::freeze(&server, &admin).await;
    frozen.print();
    let (opened, refusals) = (frozen.opened.0, frozen.refusals());
    assert!(opened <= Duration::from_millis(2500), "all circuits open after {opened:?}");
    let p99 = refusals[refusals.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(5), "refusals over HTTP: {p99:?}");
    server.circuits_closed().await;
    server.stop().await;
}
