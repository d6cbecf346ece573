//! What the service remembers of responses that the database gave: for readers while nothing has
//! changed, and for outages. Bounded in bytes, entries and age; the instant is a parameter.
//! [`audit_refusals`] counts what the audit log is going to say.

pub mod audit_refusals;
pub mod responses;
pub mod sessions;
pub mod two_generations;
