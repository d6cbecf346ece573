//! Connections, below HTTP: how many there may be ([`open`]), how long one may make no progress
//! ([`pace`], a pure rule, and [`guarded`], the stream that applies it), the responses to requests
//! that are no HTTP ([`responder`]), and the server that is built on them
//! ([`server`]). Connections to the Unix socket of administrators are in [`local`].
//!
//! actix-http times only the first request head of a connection, and no write at all. Bodies and
//! handlers have deadlines of their own (`http::middleware::bodies`, `actors::db_breaker`).

mod bare_head;
mod final_response;
pub mod guarded;
pub mod local;
pub mod open;
pub mod pace;
mod request_start;
pub mod responder;
pub mod server;
