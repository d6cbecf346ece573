//! The parameters of handlers: who may call, and what the request contains. A handler states both
//! in its signature; an extractor that fails answers the request.

pub mod accepted_diff;
pub mod accepted_encoding;
pub mod accepted_feed;
mod accepted_type;
pub mod anyone;
pub mod caller;
pub mod circuit_admin;
pub mod conditions;
pub mod form_body;
pub mod idempotency;
pub mod json_body;
#[cfg(feature = "embedded")]
pub mod local_operator;
pub mod origin;
pub mod path;
pub mod query;
pub mod registration;
pub mod session_client;
pub mod upload;
