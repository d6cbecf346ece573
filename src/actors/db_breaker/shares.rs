//! The shares of the connection pool. Calls of the catalogue never take the whole pool, so that
//! authentication, API keys and epochs find a connection however slow the catalogue is. Its writers
//! take turns on the lock of the epoch anyway, so they take a third at most, and readers find one.
//!
//! Callers queue here before they ask for a permit. What they wait for is this process: the wait
//! says nothing about the database, and a refusal is overload.
//!
//! | pool | catalogue | of these, writers | always free of the catalogue |
//! | --- | --- | --- | --- |
//! | 1 (embedded) | 1 | 1 | 0: all calls take turns |
//! | 2 | 1 | 1 | 1 |
//! | 3 | 2 | 1 | 1 |
//! | 10 | 8 | 3 | 2 |

use tokio::time::{Instant, timeout_at};

use super::circuit::Circuit;
use crate::bulkhead::{Bulkhead, BulkheadPermit};

/// Callers that may wait for each connection of a share; more are refused at once.
const MAX_WAITERS_PER_CONNECTION: usize = 32;

/// Which connections of the pool a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All of them: authentication, API keys, epochs.
    Whole,
    /// Those of the catalogue.
    Catalogue,
    /// Those of the catalogue's writers.
    CatalogueWriters,
}

impl Share {
    /// Returns the share of the usual calls of a circuit.
    pub(super) fn from_circuit(circuit: Circuit) -> Self {
        match circuit {
            Circuit::Metrics | Circuit::Domains => Self::Catalogue,
            Circuit::Auth | Circuit::ApiKeys => Self::Whole,
        }
    }
}

/// The queues in front of the pool.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    whole: Bulkhead,
    catalogue: Bulkhead,
    writers: Bulkhead,
}

/// The turn of one call, until it is dropped. It must outlive the call's connection.
#[derive(Debug)]
pub(super) struct Turn {
    _permits: Vec<BulkheadPermit>,
}

impl Shares {
    /// Divides a pool of this size.
    pub(super) fn new(pool_size: u32) -> Self {
        let (catalogue, writers) = sizes(pool_size);
        let queue = |size: u32| {
            let size = size as usize;
            Bulkhead::new(size, size.saturating_mul(MAX_WAITERS_PER_CONNECTION))
        };
        Self { whole: queue(pool_size), catalogue: queue(catalogue), writers: queue(writers) }
    }

    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// The cause for the log, at once if too many callers wait, or when it is not the call's turn
    /// by `until`.
    pub(super) async fn take_turn(
        &self,
        share: Share,
        until: Instant,
    ) -> Result<Turn, &'static str> {
        let whole = (&self.whole, "all connections are busy");
        let catalogue = (&self.catalogue, "all connections of the catalogue are busy");
        let writers = (&self.writers, "another change of the catalogue takes too long");
        // A writer takes its two permits in this order, so that two of them never wait for each
        // other.
        let queues = match share {
            Share::Whole => &[whole][..],
            Share::Catalogue => &[catalogue][..],
            Share::CatalogueWriters => &[writers, catalogue][..],
        };
        let mut permits = Vec::with_capacity(queues.len());
        for (queue, busy) in queues {
            let place = queue.reserve().map_err(|_| "the queue for connections is full")?;
            let permit = timeout_at(until, place.acquire()).await;
            permits.push(permit.map_err(|_| *busy)?.map_err(|_| *busy)?);
        }
        Ok(Turn { _permits: permits })
    }
}

/// Returns how many connections of a pool the catalogue may take, and how many its writers.
fn sizes(pool: u32) -> (u32, u32) {
    let reserve = if pool > 1 { (pool / 4).max(1) } else { 0 };
    (pool - reserve, (pool / 3).max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn catalogue_leaves_a_connection_and_writers_leave_one_to_readers() {
        assert_eq!(
            [1, 2, 3, 4, 10, 100].map(sizes),
            [(1, 1), (1, 1), (2, 1), (3, 1), (8, 3), (75, 33)]
        );
        for pool in 2..=1000 {
            let (catalogue, writers) = sizes(pool);
            assert!(catalogue < pool && writers <= catalogue && writers <= (pool / 3).max(1));
        }
    }

    #[tokio::test]
    async fn busy_catalogue_refuses_its_callers_only() {
        let shares = Shares::new(4);
        let mut readers = Vec::new();
        for _ in 0..3 {
            readers.push(shares.take_turn(Share::Catalogue, soon()).await.unwrap());
        }
        for share in [Share::Catalogue, Share::CatalogueWriters] {
            let refused = shares.take_turn(share, soon()).await.unwrap_err();
            assert_eq!(refused, "all connections of the catalogue are busy");
        }
        assert!(shares.take_turn(Share::Whole, soon()).await.is_ok());
        drop(readers);
        assert!(shares.take_turn(Share::Catalogue, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn slow_writer_refuses_writers_only() {
        let shares = Shares::new(4);
        let writer = shares.take_turn(Share::CatalogueWriters, soon()).await.unwrap();
        let refused = shares.take_turn(Share::CatalogueWriters, soon()).await.unwrap_err();
        assert_eq!(refused, "another change of the catalogue takes too long");
        assert!(shares.take_turn(Share::Catalogue, soon()).await.is_ok());
        drop(writer);
        assert!(shares.take_turn(Share::CatalogueWriters, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn queue_is_bounded() {
        let shares = Shares::new(1);
        let _reader = shares.take_turn(Share::Catalogue, soon()).await.unwrap();
        let until = Instant::now() + Duration::from_mins(1);
        let mut waiting: Vec<_> = (0..MAX_WAITERS_PER_CONNECTION)
            .map(|_| Box::pin(shares.take_turn(Share::Catalogue, until)))
            .collect();
        for call in &mut waiting {
            assert!(futures_util::poll!(call.as_mut()).is_pending());
        }
        let refused = shares.take_turn(Share::Catalogue, until).await.unwrap_err();
        assert_eq!(refused, "the queue for connections is full");
    }
}
