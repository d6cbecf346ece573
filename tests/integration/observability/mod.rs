//! What operators see: metrics, alerts and dashboards against a real Prometheus, and logs on their
//! way to real sinks behind a network that fails. `scripts/test` installs what this needs.
//!
//!     scripts/with-postgres cargo test --test observability

mod binary;
mod canaries;
mod cloudwatch;
mod elasticsearch;
mod exposition;
mod faults;
mod flood;
mod law;
mod logger;
mod prometheus;
mod queries;
mod rules;
mod tools;
mod traffic;
