//! How handlers read the catalogue (cached, stale during an outage, all fields or selected ones;
//! lists with their total) and change it. The routes are in `http::routes`, the cache itself in
//! `cache::responses`.

pub mod cached_read;
pub mod list_total;
pub mod selected;
pub mod write;
