//! A bulkhead (the pattern's name in Nygard, "Release It!"): of some expensive work only so much is
//! done at a time, only so much waits for its turn, and the rest is told to come back. However many
//! ask, the rest of the ship stays dry.

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
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| BulkheadError::Full)?;
        let running =
            Arc::clone(&self.running).acquire_owned().await.map_err(|_| BulkheadError::Failed)?;
        Ok(Turn { _place: place, _running: running })
    }

    /// Does this when its turn comes, on a thread where it may take as long as it takes.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once when so many wait already.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BulkheadError> {
        let turn = self.enter().await?;
        turn.run(job).await.map(|(done, _)| done)
    }
}

impl Turn {
    /// Does this on a thread where it may take as long as it takes, and gives the turn back. Until
    /// then it goes with the job, not with the caller: one who hangs up frees nothing before the
    /// work is done.
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
mod tests;
