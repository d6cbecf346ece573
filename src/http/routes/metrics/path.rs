//! The path of the metrics, from which cache keys and `Location` are derived, and their name in
//! messages.

pub(in crate::http) const PATH: &str = "/api/v1/metrics";
pub(in crate::http) const NOUN: &str = "Metric";
