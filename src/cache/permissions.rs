//! How far cached permissions can be trusted. Both caches of them share one state, API keys
//! (`actors::api_key_cache`) and sessions ([`super::sessions`]), because the same events and the
//! same epoch invalidate them.
//!
//! An entry is as good as the database while the epoch is confirmed and the incarnation is the one
//! that it was cached in (`incarnation`). Otherwise it is doubtful: each hit is verified
//! in the database, and the entry itself counts only while that is unavailable, for an hour after
//! its last confirmation.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::incarnation::{Incarnation, Incarnations};
use crate::model::authority::InvalidationScope;

/// If the epoch was not confirmed for longer, every hit is verified in the database. Three polls:
/// one may be lost or slow.
pub const FRESH_FOR: Duration = Duration::from_secs(3);
/// If an entry was not confirmed for longer, it is not used, even if the database is unavailable.
pub const USABLE_FOR: Duration = Duration::from_hours(1);

/// What is known of the authority epoch, and which permissions are being changed.
#[derive(Debug)]
pub struct PermissionFreshness {
    base: Instant,
    incarnations: Incarnations,
    /// Scopes between the start of their transaction and its invalidation; one for each request
    /// that is making such a change.
    changing: RwLock<Vec<InvalidationScope>>,
}

/// When an entry was read, and in which incarnation.
#[derive(Clone, Debug)]
pub struct VerifiedAt {
    incarnation: Arc<Incarnation>,
    /// In milliseconds from `base`.
    at: u64,
}

/// How far an entry can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// As good as the database's answer.
    Fresh,
    /// To be verified in the database; usable only while that is unavailable.
    Doubtful,
    /// Not to be used at all.
    Expired,
}

/// The changes that this process is making. While it exists, none of them ends.
#[derive(Debug)]
pub struct ChangesInProgress<'a>(RwLockReadGuard<'a, Vec<InvalidationScope>>);

impl ChangesInProgress<'_> {
    /// Whether one of them affects an entry.
    pub fn any(&self, affects: impl Fn(InvalidationScope) -> bool) -> bool {
        self.0.iter().any(|scope| affects(*scope))
    }
}

impl PermissionFreshness {
    /// Starts the first incarnation, in which no epoch was confirmed yet. `base` is not later than
    /// any other instant.
    pub fn new(base: Instant) -> Self {
        Self { base, incarnations: Incarnations::default(), changing: RwLock::default() }
    }

    /// Returns what belongs to an entry that is read from the database at this instant or later.
    pub fn verification(&self, now: Instant) -> VerifiedAt {
        VerifiedAt { incarnation: self.incarnations.current(), at: self.milliseconds(now) }
    }

    /// Returns how far an entry can be trusted.
    pub fn judge(&self, verification: &VerifiedAt, now: Instant) -> Trust {
        let VerifiedAt { incarnation, at } = verification;
        let (confirmed_at, now) = (incarnation.confirmed_at(), self.milliseconds(now));
        let is_current = incarnation.number() == self.incarnations.number();
        if self.incarnations.is_removed(incarnation) {
            Trust::Expired
        } else if is_current && confirmed_at.is_some_and(|at| age(at, now) <= FRESH_FOR) {
            Trust::Fresh
        } else if age(confirmed_at.unwrap_or(0).max(*at), now) <= USABLE_FOR {
            Trust::Doubtful
        } else {
            Trust::Expired
        }
    }

    /// Returns the time since an entry was read.
    pub fn age(&self, verification: &VerifiedAt, now: Instant) -> Duration {
        age(verification.at, self.milliseconds(now))
    }

    /// Returns the changes that this process is making. An entry is read while they are held: a
    /// change that ends in between would be missed in both.
    pub fn changes(&self) -> ChangesInProgress<'_> {
        ChangesInProgress(self.changing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the start of a transaction that revokes or reduces permissions. Until
    /// [`Self::end_change`], hits in its scope are verified in the database, because the commit is
    /// visible there before this process reads its confirmation.
    pub fn begin_change(&self, scope: InvalidationScope) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).push(scope);
    }

    /// Marks the end of a transaction, after its invalidation.
    pub fn end_change(&self, scope: InvalidationScope) {
        let mut changing = self.changing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = changing.iter().position(|other| *other == scope) {
            changing.swap_remove(at);
        }
    }

    /// Records that the epoch was current at `now`; never moves back.
    pub fn confirm_epoch(&self, now: Instant) {
        self.incarnations.confirm(self.milliseconds(now));
    }

    /// Starts an incarnation: all entries are doubtful.
    pub fn start_incarnation(&self) {
        self.incarnations.start();
    }

    /// Starts an incarnation, and no present entry is used any more.
    pub fn remove_all(&self) {
        self.incarnations.remove_all();
    }

    /// Returns the number of the current incarnation.
    pub fn incarnation(&self) -> u64 {
        self.incarnations.number()
    }

    fn milliseconds(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Both in milliseconds from the same instant.
fn age(at: u64, now: u64) -> Duration {
    Duration::from_millis(now.saturating_sub(at))
}
