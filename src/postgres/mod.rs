//! How `PostgreSQL` is reached: connection URL, TLS, connection settings, notifications, and the
//! migrations of the schema. Tables and queries are in `storage`, the connection pool in
//! `actors::db_breaker`.

mod closed_by_server;
pub mod connect_error;
pub mod connection;
mod dial;
mod error_scanner;
mod hosts;
pub mod migrations;
pub mod notifications;
pub mod pooler;
mod scanned_stream;
pub mod server_connection;
pub mod server_error;
pub mod server_facts;
mod socket;
pub mod tls;
pub mod url;
