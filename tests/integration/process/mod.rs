//! The binary as operators run it: commands, first start, signals, sudden death.
//! `scripts/with-postgres cargo test --test process`.

mod binary;
mod bodies;
mod commands;
mod durability;
mod first_admin;
mod migrations;
mod replicas;
mod secrets;
mod serving;
mod tls;
mod transport;
