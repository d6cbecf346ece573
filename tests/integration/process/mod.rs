//! The binary as operators run it: commands, first start, signals, `kill -9`.

mod binary;
mod bodies;
mod client_noise;
mod clients;
mod commands;
mod database_roles;
mod dump_restore;
mod durability;
mod first_admin;
mod migrations;
mod replicas;
mod revert_warning;
mod secrets;
mod serving;
mod shutdown;
mod tls;
mod transport;
