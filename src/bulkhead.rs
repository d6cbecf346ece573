//! A bulkhead (Nygard, "Release It!"): limits how much expensive work of one kind runs at a time
//! and how much may wait; the rest is refused at once. The circuit breaker, which limits database
//! calls, is in `actors::db_breaker`.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bulkhead of one kind of work.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    /// Work that runs or waits.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// A place among the work that runs or waits, until it is dropped. It is taken before the work's
/// input is read, so that the memory of all inputs is bounded, too.
#[derive(Debug)]
pub struct BulkheadPlace {
    admitted: OwnedSemaphorePermit,
    running: Arc<Semaphore>,
}

/// Permits one piece of work, until it is dropped.
#[derive(Debug)]
pub struct BulkheadPermit {
    _admitted: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BulkheadError {
    #[error("bulkhead full")]
    Full,
    /// The runtime is shutting down.
    #[error("work behind a bulkhead failed")]
    Failed,
}

impl Bulkhead {
    /// Creates a bulkhead in which `parallel` pieces of work run, at least one, and `waiting` more
    /// wait.
    pub fn new(parallel: usize, waiting: usize) -> Self {
        let parallel = parallel.max(1);
        Self {
            admitted: Arc::new(Semaphore::new(parallel.saturating_add(waiting))),
            running: Arc::new(Semaphore::new(parallel)),
        }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once if the maximum is waiting already.
    pub async fn acquire(&self) -> Result<BulkheadPermit, BulkheadError> {
        self.reserve()?.acquire().await
    }

    /// Takes a place without waiting.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] if the maximum is waiting already.
    pub fn reserve(&self) -> Result<BulkheadPlace, BulkheadError> {
        let admitted =
            Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| BulkheadError::Full)?;
        Ok(BulkheadPlace { admitted, running: Arc::clone(&self.running) })
    }

    /// Waits for a permit and runs `job` on a thread where it may block.
    ///
    /// # Errors
    /// [`BulkheadError::Full`] at once if the maximum is waiting already.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BulkheadError> {
        let permit = self.acquire().await?;
        permit.run(job).await.map(|(result, _)| result)
    }
}

impl BulkheadPlace {
    /// Waits for a permit.
    ///
    /// # Errors
    /// [`BulkheadError::Failed`] if the runtime shuts down.
    pub async fn acquire(self) -> Result<BulkheadPermit, BulkheadError> {
        let running = self.running.acquire_owned().await.map_err(|_| BulkheadError::Failed)?;
        Ok(BulkheadPermit { _admitted: self.admitted, _running: running })
    }
}

impl BulkheadPermit {
    /// Runs `job` on a thread where it may block, and returns the permit with the result. The
    /// permit moves with the job: if the caller is dropped, it is released when the job ends.
    ///
    /// # Errors
    /// [`BulkheadError::Failed`] if the runtime shuts down.
    ///
    /// # Panics
    /// If the job panics.
    pub async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Self), BulkheadError> {
        let result = tokio::task::spawn_blocking(move || (job(), self)).await;
        result.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => BulkheadError::Failed,
        })
    }
}

#[cfg(test)]
mod tests;
