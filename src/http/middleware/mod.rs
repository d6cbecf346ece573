//! The middleware of the application, one step in each file; `http::server` has their order. Rate
//! limits are in `http::rate_limit`; what the steps find out about a request is in `http::request`.

pub mod access_log;
pub mod authenticate;
pub mod bodies;
pub mod cached_reads;
pub mod classify;
pub mod cors;
pub mod detached;
pub mod head;
pub mod method;
pub mod queries;
pub mod run_to_end;
pub mod same_origin;
pub mod security;
