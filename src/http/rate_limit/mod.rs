//! The rate limits of the service: the burst limit ([`burst`]), the general and the caller limit
//! ([`general`], [`charge`]), and the small limits of handlers (`guard`, `password`), which are
//! counted in the database so that all processes share them and a restart keeps them. The windows
//! themselves are pure (`crate::rate_limit`).

pub mod burst;
pub mod charge;
mod ended_sessions;
mod full_buckets;
pub mod general;
mod guard;
pub mod headers;
mod hit;
mod known_addresses;
pub mod limiter;
pub mod paid_read;
mod password;
mod pseudonym;
pub mod refusals;
mod unknown_keys;

pub use self::guard::{Against, RequestLimiter};
pub use self::password::is_failed_attempt;
pub use self::pseudonym::pseudonym;
