//! Work that goes on after its response was sent: mails, and the release of rate limit hits while
//! the database is unavailable. It runs on the main thread, because tasks of a worker thread end
//! with the worker, and shutdown waits for it.

use std::pin::Pin;
use std::time::Duration;

use actix_web::rt::spawn;
use tokio::sync::{mpsc, watch};

type Work = Pin<Box<dyn Future<Output = ()>>>;
/// Begins the work on the thread where it runs; its future need not be `Send`.
type Begin = Box<dyn FnOnce() -> Work + Send>;

/// Runs work in the background and counts it. Clones share the count.
#[derive(Clone, Debug)]
pub struct BackgroundWork {
    /// The thread takes work at once, and rate limits bound how often requests cause some.
    thread: mpsc::UnboundedSender<Begin>,
    pending: watch::Sender<usize>,
}

impl BackgroundWork {
    /// Creates it for the thread that calls this, which must outlive the workers.
    pub fn on_this_thread() -> Self {
        let (thread, mut begun) = mpsc::unbounded_channel::<Begin>();
        spawn(async move {
            while let Some(begin) = begun.recv().await {
                spawn(begin());
            }
        });
        Self { thread, pending: watch::Sender::new(0) }
    }

    /// Starts the work that `begin` returns.
    pub fn spawn<W: Future<Output = ()> + 'static>(
        &self,
        begin: impl FnOnce() -> W + Send + 'static,
    ) {
        let pending = PendingWork::new(self.pending.clone());
        let begin = move || -> Work {
            Box::pin(async move {
                begin().await;
                drop(pending);
            })
        };
        // Without its thread the process ends.
        let _ = self.thread.send(Box::new(begin));
    }

    /// Waits until all work has ended, at most for `limit`. Returns how much is left.
    pub async fn finish(&self, limit: Duration) -> usize {
        let mut pending = self.pending.subscribe();
        let _ = tokio::time::timeout(limit, pending.wait_for(|count| *count == 0)).await;
        *self.pending.borrow()
    }
}

/// Counts one piece of work until it is dropped, also when the work panics.
struct PendingWork(watch::Sender<usize>);

impl PendingWork {
    fn new(count: watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count = count.saturating_add(1));
        Self(count)
    }
}

impl Drop for PendingWork {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn finish_waits_for_work_of_other_threads_and_is_bounded() {
        let background = BackgroundWork::on_this_thread();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let other = background.clone();
        let work = move || async move {
            let _ = released.await;
        };
        std::thread::spawn(move || other.spawn(work)).join().unwrap();
        assert_eq!(background.finish(Duration::from_millis(20)).await, 1);
        release.send(()).unwrap();
        assert_eq!(background.finish(Duration::from_mins(1)).await, 0);
    }

    #[actix_web::test]
    async fn work_that_panics_is_not_waited_for() {
        let background = BackgroundWork::on_this_thread();
        background.spawn(|| async { panic!("in the background") });
        assert_eq!(background.finish(Duration::from_mins(1)).await, 0);
    }
}
