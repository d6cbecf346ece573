//! Who was let in lately, so that valid tokens keep working while the database is away. Never asked while it is there.

use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

/// The most that are remembered.
const MAX_CALLERS: u64 = 10_000;
/// For how long, after the database last vouched for them.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The memory; `T` is what the database says of a caller. A log-in is known by its user and its session.
#[derive(Clone)]
pub struct Callers<T: Clone + Send + Sync + 'static> {
    known: Cache<(Uuid, Uuid), T>,
}

impl<T: Clone + Send + Sync + 'static> std::fmt::Debug for Callers<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Callers").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Default for Callers<T> {
    fn default() -> Self {
        Self { known: Cache::builder().max_capacity(MAX_CALLERS).time_to_live(MAX_AGE).build() }
    }
}

impl<T: Clone + Send + Sync + 'static> Callers<T> {
    /// What the database last said.
    pub fn recall(&self, log_in: (Uuid, Uuid)) -> Option<T> {
        self.known.get(&log_in)
    }

    /// The database vouched for this caller.
    pub fn remember(&self, log_in: (Uuid, Uuid), caller: T) {
        self.known.insert(log_in, caller);
    }

    /// The database did not.
    pub fn forget(&self, log_in: (Uuid, Uuid)) {
        self.known.invalidate(&log_in);
    }

    /// Somebody's authority has ended or shrunk: everybody is asked about anew.
    pub fn forget_all(&self) {
        self.known.invalidate_all();
    }
}
