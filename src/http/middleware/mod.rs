//! What every request goes through, one file a step.

pub mod authenticate;
pub mod frame;
pub mod head;
pub mod request_id;
