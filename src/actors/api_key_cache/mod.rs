//! The memory of API keys: what a key may do costs no statement after its first use, and a key that
//! has ended is dead when the answer that ended it leaves.
//!
//! ```text
//! handle ──hash──▶ table (hit: done)
//!    └──LookUp──▶ actor ──one look-up for all who ask──▶ DbBreakerHandle
//!                   ▲                                       │
//!                   └── fills the table, unless the key ◀───┘
//!                       ended while it was looked up
//! ```
//!
//! `rules` decides who looks up and whether what was read may be remembered, `table` is the bounded
//! memory that hits read without a mailbox, `usage` gathers when keys were last used, `actor` owns
//! the three, `handle` is the only door.
//!
//! A change on another process is heard by notification, and by asking for the epoch every second,
//! because notifications get lost. Who has not heard for ten seconds asks the database at every
//! hit; while that is away, known keys go on for at most an hour.

mod actor;
mod error;
mod handle;
mod known_key;
mod rules;
#[cfg(test)]
// The figures that a test measures.
#[allow(clippy::print_stderr)]
mod rules_tests;
mod table;
mod usage;

pub use self::error::{Refusal, Unanswered};
pub use self::handle::ApiKeyCacheHandle;
pub use self::known_key::KnownKey;
