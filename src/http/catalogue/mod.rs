//! How handlers read the catalogue (cached, stale during an outage) and change it. The routes are
//! in `http::routes`, the cache itself in `cache::responses`.

pub mod cached_read;
pub mod write;
