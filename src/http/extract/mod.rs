//! What a handler's parameters are made of: who calls, and what it sent.

pub mod caller;
pub mod conditions;
pub mod json_body;
pub mod origin;
pub mod path;
pub mod query;
pub mod registration;
pub mod session_client;
