//! A bulkhead (the pattern's name in Nygard, "Release It!"): of some expensive work only so much is done at a time, only so much
//! waits for its turn, and the rest is told to come back. However many ask, the rest of the ship stays dry.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bulkhead of one kind of work.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// The right to work, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkheadError {
    /// Too many are waiting already.
    Full,
    /// A fault of ours.
    Failed,
}

impl Bulkhead {
    /// For so many at a time, but at least one, while so many wait.
    pub fn new(parallel: usize, waiting: usize) -> Self {
        let parallel = parallel.max(1);
        Self {
            places: Arc::new(Semaphore::new(parallel.saturating_add(waiting))),
            running: Arc::new(Semaphore::new(parallel)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once when so many wait already.
    pub async fn enter(&self) -> Result<Turn, BulkheadError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| BulkheadError::Full)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| BulkheadError::Failed)?;
        Ok(Turn { _place: place, _running: running })
    }

    /// Does this when its turn comes, on a thread where it may take as long as it takes.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once when so many wait already.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, BulkheadError> {
        let turn = self.enter().await?;
        turn.run(job).await.map(|(done, _)| done)
    }
}

impl Turn {
    /// Does this on a thread where it may take as long as it takes, and gives the turn back. Until then it goes with the job, not with
    /// the caller: one who hangs up frees nothing before the work is done.
    ///
    /// # Errors
    /// [`BulkheadError::Failed`] when the runtime ends. If the job panics, so does whoever waits for it, who can tell what it was about.
    pub async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Self), BulkheadError> {
        let done = tokio::task::spawn_blocking(move || (job(), self)).await;
        done.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => BulkheadError::Failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_and_drains() {
        let bulkhead = Bulkhead::new(1, 16);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let first = {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.run(move || blocked.recv().is_ok()).await })
        };
        let waiting: Vec<_> = (0..16)
            .map(|_| {
                let bulkhead = bulkhead.clone();
                tokio::spawn(async move { bulkhead.run(|| true).await })
            })
            .collect();
        while bulkhead.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bulkhead.run(|| true).await, Err(BulkheadError::Full));
        release.send(()).expect("someone waits");
        assert_eq!(first.await.expect("no panic"), Ok(true));
        for waiter in waiting {
            assert_eq!(waiter.await.expect("no panic"), Ok(true));
        }
        assert_eq!(bulkhead.run(|| true).await, Ok(true));
    }

    #[tokio::test]
    async fn who_hangs_up_or_panics_frees_its_turn_when_the_work_is_over() {
        let bulkhead = Bulkhead::new(1, 0);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let impatient = bulkhead.run(move || blocked.recv().is_ok());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), impatient).await.is_err());
        assert_eq!(bulkhead.run(|| ()).await, Err(BulkheadError::Full), "it goes on");
        release.send(()).expect("it is still there");
        while bulkhead.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        let panics = {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.run(|| panic!("on purpose")).await })
        };
        assert!(panics.await.expect_err("a panic").is_panic());
        assert_eq!(bulkhead.run(|| ()).await, Ok(()));
    }
}
