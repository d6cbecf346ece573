//! The cache of API keys: a cached key costs no statement, and a key that was revoked is refused
//! once the response to its revocation is sent.
//!
//! ```text
//! handle ──hash──▶ table (hit: done)
//!    └──LookUpKey──▶ actor ──one lookup for all waiters──▶ DbBreakerHandle
//!                     ▲                                        │
//!                     └── inserts into the table, unless ◀─────┘
//!                         the key was invalidated meanwhile
//! ```
//!
//! | call of [`ApiKeyCacheHandle`] | message to the actor `ApiKeyCache` |
//! | --- | --- |
//! | `authenticate` | `LookUpKey` on a miss; `QueueLastUse` at the first use since a flush |
//! | `invalidate`, `invalidate_now` | `Invalidate` |
//! | `apply_event` | `ApplyEvent` |
//! | `apply_epoch` | `ApplyEpoch` |
//! | `start_incarnation` | `StartIncarnation` |
//! | `flush_last_used`, `drain_last_used` | `FlushLastUsed` |
//! | `stop` | `FlushLastUsed`, then `StopKeyCache` |
//! | `peek`, `is_cached`, `begin_change`, `end_change`, `applied_epoch` | none |
//! | `incarnation`, `freshness` | none |
//!
//! `rules` decides who looks a key up and whether the result may be inserted, `table` is the
//! bounded cache that hits read, `usage` collects when keys were last used. `actor` owns them,
//! `messages` and `guards` define what it is sent. How far a cached key can be trusted is decided
//! by `cache::permissions`, for sessions, too.
//!
//! Changes made by other processes arrive as notifications and, because notifications get lost, as
//! an epoch that is polled every second. If the epoch was not confirmed for 3 s, every hit is
//! verified in the database. If changes may have been missed (a gap between events, a new listener,
//! an epoch that went back), a new incarnation starts, in which each cached key is verified before
//! it counts as fresh. While the database is unavailable, a cached key is accepted for up to an
//! hour after its last confirmation; one that an invalidation event named is not, because those
//! entries are removed at once.

mod actor;
mod error;
mod guards;
mod handle;
mod known_key;
mod messages;
mod rules;
mod table;
#[cfg(test)]
mod test_keys;
mod usage;

pub use self::error::{KeyError, KeyLookupError};
pub use self::handle::ApiKeyCacheHandle;
pub use self::known_key::KnownKey;
