//! What the service remembers of answers that the database gave: for readers while nothing has changed, and for outages.
//! Bounded in bytes, entries and age; the instant is a parameter. [`refusals`] counts what the audit log is going to say.

pub mod answers;
pub mod callers;
pub mod generations;
pub mod refusals;
