//! The path of the business domains, from which cache keys and `Location` are derived, and their
//! name in messages.

pub(super) const PATH: &str = "/api/v1/domains";
pub(super) const NOUN: &str = "Business domain";
