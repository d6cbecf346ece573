//! HTTP: who may call ([`extract`]), what is answered ([`routes`]), what every request goes through
//! ([`middleware`]), and the one place that knows status codes ([`error`]).
//!
//! A request passes, from the outside in: `middleware::bodies` (deadline of its body),
//! `middleware::method`, `middleware::classify` (one spelling of its path, one class),
//! actix-web-prom (counted, timed), `middleware::frame` (request id, client, log line, error shape,
//! security headers), CORS, compression, HEAD, `middleware::burst` and `middleware::limit` (how
//! often), `middleware::classify::refuse`, `middleware::queries` (size of the query),
//! `middleware::authenticate` (who), `middleware::run_to_end` (writes outlive their client), then
//! its handler. A handler extracts, parses into the model, asks `db` once, wraps and answers; its
//! parameters alone tell who may call it.

pub mod answer;
pub mod auditing;
pub mod catalogue;
pub mod connections;
pub mod database_check;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod invalidation;
pub mod middleware;
pub mod openapi;
pub mod rate_limit;
pub mod request;
pub mod routes;
pub mod server;
pub mod state;
mod unmatched;

pub use self::state::AppState;
