//! The path of the metrics, from which cache keys and `Location` are derived, and their name in
//! messages.

pub(super) const PATH: &str = "/api/v1/metrics";
pub(super) const NOUN: &str = "Metric";
