//! Bounded in-memory caches of what the database answered: [`responses`] of the catalogue,
//! [`sessions`] for outages, and [`two_generations`], the map below the key cache and the rate
//! limits. [`audit_refusals`] collects refused requests until the audit log is written. Nothing
//! here reads a clock or the database; the instant is a parameter.

pub mod audit_refusals;
pub mod responses;
pub mod sessions;
pub mod two_generations;
