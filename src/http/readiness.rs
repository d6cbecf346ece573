//! The phases of the process: preparing its database, ready, stopping.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Poll interval while the database is being prepared.
const POLL: Duration = Duration::from_millis(10);

/// Whether the service is prepared, and whether it is stopping. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    prepared: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

impl Readiness {
    /// Records that the database was reached and its schema is up to date.
    pub fn mark_prepared(&self) {
        self.prepared.store(true, Ordering::SeqCst);
    }

    /// Records that shutdown has begun.
    pub fn mark_stopping(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether the database was ever reached and prepared.
    pub fn is_prepared(&self) -> bool {
        self.prepared.load(Ordering::SeqCst)
    }

    /// Whether shutdown has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits until the database is prepared. Background tasks begin right after that, because no
    /// cached entry is valid before they have read the epochs.
    pub async fn until_prepared(&self) {
        while !self.is_prepared() {
            tokio::time::sleep(POLL).await;
        }
    }
}
