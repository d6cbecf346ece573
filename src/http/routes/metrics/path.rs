//! The path of the metrics, from which cache keys and `Location` are derived.

pub(super) const PATH: &str = "/api/v1/metrics";
