//! Finds out whether the embedded database fails because its disk is full: its own errors say no
//! more than that writing failed. Only calls that have failed check it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

/// Time for which the result of a check is used again, because all waiting calls fail together.
const VALIDITY: Duration = Duration::from_secs(1);
/// Longest wait of a failed call for the check, which writes to a disk that may be stuck.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

type SpaceCheck = dyn Fn() -> io::Result<()> + Send + Sync;
/// When the last check ended, and why the disk could not be written to.
type LastResult = Option<(Instant, Option<String>)>;

/// Checks that the disk of the embedded database can be written to. At most one check runs at a
/// time, on a blocking thread.
#[derive(Clone)]
pub struct StorageCheck {
    check: Arc<SpaceCheck>,
    last: Arc<Mutex<LastResult>>,
}

impl fmt::Debug for StorageCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StorageCheck").finish_non_exhaustive()
    }
}

impl StorageCheck {
    /// Wraps a check, which fails if no space is left.
    pub fn new(check: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { check: Arc::new(check), last: Arc::default() }
    }

    /// Returns why the disk cannot be written to, if it cannot. `None` also while another call
    /// checks, and if the check takes too long.
    pub(super) async fn failure(&self) -> Option<String> {
        let mut last = Arc::clone(&self.last).try_lock_owned().ok()?;
        if let Some((_, failure)) = last.as_ref().filter(|(at, _)| at.elapsed() < VALIDITY) {
            return failure.clone();
        }
        let check = Arc::clone(&self.check);
        let job = spawn_blocking(move || {
            let failure = check().err().map(|error| error.to_string());
            *last = Some((Instant::now(), failure.clone()));
            failure
        });
        timeout(LONGEST_WAIT, job).await.ok()?.ok()?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn calls_that_fail_together_check_the_disk_once() {
        let checks = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&checks);
        let check = StorageCheck::new(move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            Err(io::Error::other(format!("full {number}")))
        });
        let set_end = async |at: Instant| {
            check.last.lock().await.as_mut().expect("a result").0 = at;
        };
        assert_eq!(check.failure().await.as_deref(), Some("full 1"));
        // However slow this machine is, the result is still valid.
        set_end(Instant::now() + Duration::from_mins(1)).await;
        assert_eq!(check.failure().await.as_deref(), Some("full 1"));
        set_end(Instant::now() - VALIDITY).await;
        assert_eq!(check.failure().await.as_deref(), Some("full 2"));
        assert_eq!(checks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn call_does_not_wait_for_a_stuck_disk() {
        let (release, stuck) = std::sync::mpsc::channel::<()>();
        let stuck = std::sync::Mutex::new(stuck);
        let check = StorageCheck::new(move || {
            let _ = stuck.lock().map(|stuck| stuck.recv());
            Ok(())
        });
        assert_eq!(check.failure().await, None);
        // The first check still runs, so that this one is not started.
        assert_eq!(check.failure().await, None);
        drop(release);
    }
}
