//! The binary as operators run it: commands, first start, signals, sudden death.
//! `scripts/with-postgres cargo test --test process`.

#![allow(missing_docs, unreachable_pub)]
// The figures that a test measures.
#![allow(clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bodies;
mod commands;
#[path = "../api/support/database.rs"]
mod database;
mod durability;
mod first_admin;
mod migrations;
mod process;
mod replicas;
mod secrets;
mod serving;
mod tls;
mod transport;
