//! Generations of connections: after a failover all connections that were opened before are
//! discarded, not only the one that noticed it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The generations of one pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Generations {
    current: Arc<AtomicU64>,
    /// The host of the last connection that was opened.
    host: Arc<Mutex<String>>,
}

/// The generation of one connection.
#[derive(Debug)]
pub(super) struct Generation {
    number: u64,
    current: Arc<AtomicU64>,
}

impl Generations {
    /// Returns the generation of a new connection. One to another host than before starts a new
    /// generation, because the host before it was tried first and did not work.
    pub(super) fn join(&self, host: &str) -> Generation {
        let mut last = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != host {
            if !last.is_empty() {
                self.current.fetch_add(1, Ordering::Relaxed);
            }
            host.clone_into(&mut last);
        }
        let number = self.current.load(Ordering::Relaxed);
        Generation { number, current: Arc::clone(&self.current) }
    }
}

impl Generation {
    /// Ends this generation; connections that are opened from now on belong to the next one.
    pub(super) fn retire(&self) {
        self.current.fetch_max(self.number.saturating_add(1), Ordering::Relaxed);
    }

    /// Whether it has ended.
    pub(super) fn is_retired(&self) -> bool {
        self.number < self.current.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_generation_ends_with_all_its_connections_and_no_later_ones() {
        let generations = Generations::default();
        let (first, second) = (generations.join("a:1"), generations.join("a:1"));
        assert!(!first.is_retired());
        first.retire();
        second.retire();
        let third = generations.join("a:1");
        assert_eq!([&first, &second, &third].map(Generation::is_retired), [true, true, false]);
    }

    #[test]
    fn connection_to_another_host_starts_a_generation() {
        let generations = Generations::default();
        let before = generations.join("a:1");
        let after = generations.join("b:1");
        assert_eq!((before.is_retired(), after.is_retired()), (true, false));
    }
}
