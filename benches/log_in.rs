//! Log-ins with a wrong password for a known and for an unknown name, interleaved in one run: both
//! medians and their ratio. A ratio far from 1 would reveal which names exist.
//!
//!     scripts/with-postgres cargo bench --bench log_in

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::Server;

const PAIRS: usize = 300;
const KNOWN: &str = "admin";
const UNKNOWN: &str = "unknown";

async fn log_in(server: &Server, name: &str) -> Duration {
    let began = Instant::now();
    server.login(name, "a wrong password").await.expect(401);
    began.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[actix_web::main]
async fn main() {
    let server = Server::start().await;
    server.warm(2).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        // The order changes, so that neither name always comes second; the first pair warms up.
        let names = if pair % 2 == 0 { [KNOWN, UNKNOWN] } else { [UNKNOWN, KNOWN] };
        for name in names {
            let time = log_in(&server, name).await;
            let times = if name == KNOWN { &mut known } else { &mut unknown };
            if pair > 0 {
                times.push(time);
            }
        }
    }
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    println!(
        "wrong password, median of {PAIRS} interleaved pairs: known name {known:.2?}, unknown name \
         {unknown:.2?}, known / unknown {:.3}",
        known.as_secs_f64() / unknown.as_secs_f64()
    );
    server.stop().await;
}
