//! All integration tests in one binary, so that their support is compiled once. Most need a real
//! PostgreSQL:
//!
//!     scripts/with-postgres cargo test --test integration api::
//!
//! - `api`: the HTTP API of a running service, on a database of its own for each test.
//! - `architecture`: imports, file sizes and words of the source.
//! - `chaos`: faults of the database; ignored by default, because it stops the shared cluster.
//! - `hostile`: random and malicious input to everything that parses input.
//! - `observability`: metrics, alerts, dashboards and log shipping, against the real servers.
//! - `pages`: the pages for people, without scripts and in a browser.
//! - `process`: the binary as operators run it.

#![allow(missing_docs, unreachable_pub)]
// Tests print what they measure.
#![allow(clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::similar_names)]

mod api;
mod architecture;
mod chaos;
mod hostile;
#[cfg(all(feature = "cloudwatch", feature = "elasticsearch"))]
mod observability;
mod pages;
mod process;
mod support;
