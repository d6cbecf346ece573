//! The HTTP API: routes and middleware. [`extract`] defines who may call, [`routes`] the handlers,
//! [`middleware`] what every request passes through, [`error`] the status codes.
//!
//! A request passes, from the outside in: `middleware::bodies` (deadline of its body),
//! `middleware::method`, `middleware::classify` (canonical path, request class),
//! `middleware::access_log` (request id, client IP, log event, counts, error body, security
//! headers), CORS, `middleware::cached_reads` (answers at once what is cached), compression,
//! `middleware::head`, `rate_limit::burst` and `rate_limit::general`, `middleware::classify` again
//! (refused paths), `middleware::queries` (size and parameters of the query),
//! `middleware::authenticate`, `middleware::run_to_end` (writes finish after their client
//! disconnects), then its handler. A handler's parameters show who may call it and which services
//! it uses.

pub mod accounts;
pub mod app_data;
pub mod auditing;
pub mod background_work;
pub mod cached_response;
pub mod catalogue;
pub mod circuit_control;
pub mod client_places;
pub mod connections;
pub mod database_check;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod feed_listeners;
pub mod invalidation;
pub mod local_admin;
pub mod mail_failures;
pub mod media_type;
pub mod middleware;
pub mod openapi;
pub mod pages;
pub mod rate_limit;
pub mod read_replica;
pub mod readiness;
pub mod request;
pub mod response;
pub mod routes;
pub mod server;
pub mod state;
mod unmatched;

pub use self::state::AppState;
