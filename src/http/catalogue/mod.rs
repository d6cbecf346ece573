//! How handlers read the catalogue (cached, stale during an outage, all fields or selected ones;
//! lists with what is known of them) and change it, once for each idempotency key. The routes are
//! in `http::routes`, the cache itself in `cache::responses`.

pub mod cache_key;
pub mod cached_read;
pub mod deprecation;
pub mod domain_changes;
pub mod known_list;
pub mod metric_changes;
pub mod replay;
pub mod selected;
pub mod write;
