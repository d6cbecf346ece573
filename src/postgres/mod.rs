//! How `PostgreSQL` is reached: connection URL, TLS, connection settings, notifications, and the
//! migrations of the schema. Tables and queries are in `storage`, the connection pool in
//! `actors::db_breaker`.

pub mod connection;
pub mod migrations;
pub mod notifications;
pub mod tls;
pub mod url;
