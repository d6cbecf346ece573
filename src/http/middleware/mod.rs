//! What every request goes through, one file a step.

pub mod access_log;
pub mod authenticate;
pub mod bodies;
pub mod classify;
pub mod cors;
pub mod head;
pub mod method;
pub mod queries;
pub mod run_to_end;
pub mod security;
