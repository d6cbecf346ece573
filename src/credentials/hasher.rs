//! The queue in front of password hashing. One hash is 19 MiB and tens of milliseconds of a core, so that a crowd of
//! log-ins would be an attack on memory: only so many run, only so many wait, the rest is told to come back.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::passwords;

/// How many log-ins may wait for each that runs.
const WAITING_FOR_EACH: usize = 16;

/// Hashes and checks passwords away from the worker threads.
#[derive(Clone, Debug)]
pub struct Hasher {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasherError {
    /// Too many are waiting already.
    Busy,
    /// A fault of ours.
    Failed,
}

impl Hasher {
    /// A queue that runs `parallel` hashes at a time.
    pub fn new(parallel: usize) -> Self {
        let parallel = parallel.max(1);
        Self {
            places: Arc::new(Semaphore::new(parallel.saturating_mul(WAITING_FOR_EACH + 1))),
            running: Arc::new(Semaphore::new(parallel)),
        }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`HasherError::Busy`] when the queue is full.
    pub async fn hash(&self, password: SecretString) -> Result<String, HasherError> {
        self.work(move || passwords::hash(&password)).await?.map_err(|_| HasherError::Failed)
    }

    /// Checks a password; without a hash, does the same work in vain.
    ///
    /// # Errors
    /// [`HasherError::Busy`] when the queue is full.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, HasherError> {
        self.work(move || passwords::verify(&password, hash.as_deref())).await
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, HasherError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HasherError::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| HasherError::Failed)?;
        // Both go with the job, not with the caller: one who hangs up frees nothing before the work is done.
        let job = move || {
            let _held = (place, turn);
            job()
        };
        tokio::task::spawn_blocking(job).await.map_err(|_| HasherError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_and_drains() {
        let hasher = Hasher::new(1);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let first = {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.work(move || blocked.recv().is_ok()).await })
        };
        let waiting: Vec<_> = (0..WAITING_FOR_EACH)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.work(|| true).await })
            })
            .collect();
        tokio::task::yield_now().await;
        while hasher.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.work(|| true).await, Err(HasherError::Busy));
        release.send(()).expect("someone waits");
        assert_eq!(first.await.expect("no panic"), Ok(true));
        for waiter in waiting {
            assert_eq!(waiter.await.expect("no panic"), Ok(true));
        }
        assert_eq!(hasher.work(|| true).await, Ok(true));
    }
}
