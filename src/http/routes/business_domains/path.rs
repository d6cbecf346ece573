//! The path of the business domains, from which cache keys and `Location` are derived, and their
//! name in messages.

pub(in crate::http) const PATH: &str = "/api/v1/domains";
pub(in crate::http) const NOUN: &str = "Business domain";
