//! Bounded in-memory caches of what the database answered: [`responses`] of the catalogue, the
//! [`list_facts`], the [`positions`] in lists, and [`sessions`], all on `quick_cache`, as
//! the key cache is (`actors::api_key_cache`). [`permissions`] decides how far sessions and keys
//! can be trusted. [`pages`] are only sent in an outage.
//!
//! [`joined_loads`] does loads of the same value once. [`two_generations`] is the map below the
//! counters of the rate limits, and [`audit_refusals`] collects refused requests until the audit
//! log is written. Nothing here reads a clock or the database; the instant is a parameter.

pub mod audit_refusals;
mod incarnation;
pub mod joined_loads;
pub mod list_facts;
pub mod pages;
pub mod permissions;
pub mod positions;
pub mod responses;
pub mod sessions;
pub mod two_generations;
mod weighted;
