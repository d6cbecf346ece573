//! How PostgreSQL is reached: connection URL, TLS, connection settings, and the migrations of the
//! schema. Tables and queries are in `storage`.

pub mod connection;
pub mod migrations;
pub mod tls;
pub mod url;
