//! How handlers read the catalogue (cached, stale during an outage, all fields or selected ones;
//! lists with what is known of them), change it, once for each idempotency key, import and export
//! it. The routes are in `http::routes`, the cache itself in `cache::responses`.

pub mod cache_key;
pub mod cached_read;
pub mod deprecation;
pub mod domain_changes;
pub mod export;
pub mod import;
pub mod known_list;
pub mod metric_changes;
pub mod replay;
pub mod selected;
pub mod write;
