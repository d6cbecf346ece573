//! A count of requests that run on although their clients have disconnected, for operators and
//! tests. [`super::run_to_end`] counts them; shutdown waits for their connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of detached requests; clones share it.
#[derive(Clone, Debug, Default)]
pub struct DetachedRequests(Arc<AtomicUsize>);

impl DetachedRequests {
    /// Returns how many detached requests are running.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
