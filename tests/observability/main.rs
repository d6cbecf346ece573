//! What operators see: metrics, alerts and dashboards against a real Prometheus, and logs on their way to real sinks behind a
//! network that fails. `scripts/test` installs what this needs.
//!
//!     scripts/with-postgres cargo test --test observability

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod canaries;
mod cloudwatch;
mod elasticsearch;
mod exposition;
mod faults;
mod flood;
mod law;
mod logger;
#[path = "../chaos/fault.rs"]
mod network;
mod process;
mod prometheus;
mod queries;
mod rules;
#[path = "../api/support/mod.rs"]
mod support;
mod tools;
mod traffic;
