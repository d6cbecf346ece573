//! What operators see: metrics, alerts and dashboards with a real Prometheus, and log shipping to
//! servers with the APIs of Elasticsearch and CloudWatch behind a network that fails.
//! `scripts/test` installs what these tests need.
//!
//!     scripts/with-postgres cargo test --test integration observability::

mod binary;
mod buffer;
mod canaries;
mod cloudwatch;
mod collector;
mod elasticsearch;
mod exposition;
mod faults;
mod flood;
mod followed;
mod logger;
mod operations;
mod prometheus;
mod queries;
mod rules;
mod runbooks;
mod tools;
mod traces;
mod traffic;
