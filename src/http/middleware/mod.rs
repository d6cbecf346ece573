//! What every request goes through, one file a step.

pub mod authenticate;
pub mod bodies;
pub mod burst;
pub mod classify;
pub mod client;
pub mod cors;
pub mod frame;
pub mod head;
pub mod limit;
pub mod method;
pub mod queries;
pub mod request_id;
pub mod run_to_end;
pub mod security;
