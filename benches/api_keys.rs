//! Cost of API keys: a cached authentication, and reads of one metric over HTTP with a key and
//! without (`ANONYMOUS_READ`), in interleaved pairs of one run.
//!
//!     scripts/with-postgres cargo bench --bench api_keys

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "load/mod.rs"]
mod load;
#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::time::Instant;

use load::{compare, throughput};
use mdl::credentials::api_keys::ApiKey;
use support::Server;
use support::samples::metric;

#[actix_web::main]
async fn main() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    server.get_with("/api/v1/metrics/m", &key).await.expect(200);
    let (state, hash) = (server.state(), ApiKey::parse(&key).unwrap().hash());
    let rounds = 1_000_000;
    let began = Instant::now();
    for _ in 0..rounds {
        state
            .accounts
            .keys
            .authenticate(hash, None, state.clock.now(), Instant::now())
            .await
            .unwrap();
    }
    let cached = began.elapsed() / rounds;
    let began = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(ApiKey::parse(std::hint::black_box(&key)).unwrap().hash());
    }
    println!(
        "cached authentication: {} ns; parsing and hashing the key: {} ns",
        cached.as_nanos(),
        (began.elapsed() / rounds).as_nanos()
    );
    let address = server.base.trim_start_matches("http://").to_owned();
    let with = async || throughput(address.clone(), format!("X-API-Key: {key}\r\n")).await;
    compare("a key", 15, with, async || throughput(address.clone(), String::new()).await).await;
    server.stop().await;
}
