//! Totals since the process started.

use crate::telemetry::instruments::Instruments;
use crate::telemetry::instruments::http::ResponseTotals;

/// Totals since the process started, read at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub responses: ResponseTotals,
    /// Requests that the service failed.
    pub server_errors: u64,
    /// Requests that a rate limit refused.
    pub rate_limited: u64,
    /// Database calls that a circuit refused.
    pub refused_by_circuits: u64,
    /// Reads of the catalogue that were answered from the cache, and all of them.
    pub cache_hits: u64,
    pub cache_lookups: u64,
}

impl Totals {
    /// Reads the instruments. `refused_by_circuits` is kept by the circuits.
    pub fn read(instruments: &Instruments, refused_by_circuits: u64) -> Self {
        let (cache_hits, cache_lookups) = instruments.operations.cache_lookups();
        Self {
            responses: instruments.http.responses.totals(),
            server_errors: instruments.http.server_errors(),
            rate_limited: instruments.limits.rejections(),
            refused_by_circuits,
            cache_hits,
            cache_lookups,
        }
    }
}
