//! What is known of a request before its handler runs: canonical path, class, client IP, presented
//! credential, caller, request ids and trace. Extractors, middleware and rate limits import this
//! folder; it imports none of them.

pub mod attempted_action;
pub mod caller;
pub mod class;
pub mod client_ip;
pub mod context;
pub mod credential;
pub mod entity_tags;
pub mod event_stream;
pub mod method;
pub mod path;
pub mod request_id;
pub mod routes;
pub mod script_nonce;
pub mod session_cookie;
pub mod trace_id;
