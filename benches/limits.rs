//! Cost of rate limits: reading one metric over HTTP from a service with limits and from one
//! without, in interleaved pairs of one run.
//!
//!     scripts/with-postgres cargo bench --bench limits

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "load/mod.rs"]
mod load;
#[path = "../tests/integration/support/mod.rs"]
mod support;

use load::{compare, throughput};
use support::Server;
use support::samples::metric;

/// A quota that is never used up, but counted.
const COUNTS: [&str; 6] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-general-max",
    "100000",
    "--rate-limit-burst-per-second",
    "100000",
];

async fn service(options: &[&str]) -> (Server, String, String) {
    let server = Server::with(&[&["--anonymous-read", "true"][..], options].concat()).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    server.get("/api/v1/metrics/m", "").await.expect(200);
    let address = server.base.trim_start_matches("http://").to_owned();
    (server, address, format!("Authorization: Bearer {admin}\r\n"))
}

#[actix_web::main]
async fn main() {
    // A window of a second, so that there is always something left.
    let window = ["--rate-limit-general-window", "1000"];
    let (counting, a, token_a) = service(&[&COUNTS[..], &window].concat()).await;
    let (free, b, token_b) = service(&[]).await;
    println!("a cached read without credentials: the cheapest request");
    let with = async || throughput(a.clone(), String::new()).await;
    compare("limits", 31, with, async || throughput(b.clone(), String::new()).await).await;
    println!("\na cached read with an access token");
    let with = async || throughput(a.clone(), token_a.clone()).await;
    compare("limits", 31, with, async || throughput(b.clone(), token_b.clone()).await).await;
    counting.stop().await;
    free.stop().await;
}
