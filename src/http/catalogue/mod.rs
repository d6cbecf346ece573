//! How handlers of the catalogue read (cached, stale during an outage) and write.

pub mod cached_read;
pub mod write;
