//! Log events on stdout, written by a thread of its own behind a bounded queue, so that no request
//! waits for a terminal or a pipe. Events that do not fit into the queue are dropped and counted,
//! and a `log events dropped` event reports how many.

use std::io::{IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use slog::{Drain, Level, Never, OwnedKVList, Record, o};
use slog_async::{AsyncCore, AsyncCoreBuilder, AsyncGuard};
use uuid::Uuid;

use super::event::{self, EventFormat};
use super::sinks::AtomicCounts;
use crate::config::LogFormat;

/// Size of the queue, in events.
const QUEUE_SIZE: usize = 8192;
/// Longest time to write the rest of the queue at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Puts events into the queue of stdout.
pub(super) struct StdoutDrain {
    core: AsyncCore,
    counts: Arc<AtomicCounts>,
    /// Events dropped since the last `log events dropped` event.
    unreported: AtomicU64,
}

impl StdoutDrain {
    /// Starts the writing thread. Without a format it writes text to a terminal and JSON elsewhere.
    /// Dropping the guard writes the rest of the queue.
    pub(super) fn start(
        format: Option<LogFormat>,
        instance: Uuid,
    ) -> (Self, AsyncGuard, Arc<AtomicCounts>) {
        let terminal = std::io::stdout().is_terminal();
        let counts = Arc::<AtomicCounts>::default();
        let (core, guard) =
            match format.unwrap_or(if terminal { LogFormat::Terminal } else { LogFormat::Json }) {
                LogFormat::Json => {
                    queue(JsonDrain(std::io::stdout(), instance), Arc::clone(&counts))
                }
                LogFormat::Terminal => {
                    let decorator = slog_term::TermDecorator::new().stdout().build();
                    queue(slog_term::CompactFormat::new(decorator).build(), Arc::clone(&counts))
                }
            };
        (Self { core, counts: Arc::clone(&counts), unreported: AtomicU64::new(0) }, guard, counts)
    }

    /// Puts an event into the queue and returns whether there was room.
    fn try_push(&self, record: &Record<'_>, values: &OwnedKVList) -> bool {
        // Counted first, because the writer may be faster than this thread.
        self.counts.enqueued.fetch_add(1, Ordering::AcqRel);
        self.core.log(record, values).is_ok()
    }
}

impl Drain for StdoutDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let dropped = self.unreported.swap(0, Ordering::AcqRel);
        if dropped > 0 {
            let message = format_args!("log events dropped");
            let reported = self.try_push(
                &slog::record!(Level::Warning, "", &message, slog::b!("dropped" => dropped)),
                &OwnedKVList::from(o!()),
            );
            if !reported {
                // The report itself is no lost event: it is repeated with the next one.
                self.counts.enqueued.fetch_sub(1, Ordering::AcqRel);
                self.unreported.fetch_add(dropped, Ordering::AcqRel);
            }
        }
        if !self.try_push(record, values) {
            self.counts.dropped.fetch_add(1, Ordering::AcqRel);
            self.unreported.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }
}

/// Writes the rest of the queue when it is dropped, for at most [`FLUSH_TIMEOUT`]: the reader of
/// stdout may have stopped reading.
pub(super) struct StdoutFlush(Option<AsyncGuard>);

impl StdoutFlush {
    pub(super) fn new(guard: AsyncGuard) -> Self {
        Self(Some(guard))
    }
}

impl Drop for StdoutFlush {
    fn drop(&mut self) {
        let (guard, (done, flushed)) = (self.0.take(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            drop(guard);
            // The receiver is gone after the timeout.
            let _ = done.send(());
        });
        let _ = flushed.recv_timeout(FLUSH_TIMEOUT);
    }
}

fn queue<D>(drain: D, counts: Arc<AtomicCounts>) -> (AsyncCore, AsyncGuard)
where
    D: Drain<Ok = ()> + Send + 'static,
{
    let core = AsyncCoreBuilder::thread_name(
        AsyncCore::custom(CountingDrain { drain: Mutex::new(drain), counts }),
        "mdl-log".into(),
    );
    core.chan_size(QUEUE_SIZE).build_with_guard()
}

/// Counts written events. If stdout is closed, each event is counted as dropped.
struct CountingDrain<D> {
    drain: Mutex<D>,
    counts: Arc<AtomicCounts>,
}

impl<D: Drain<Ok = ()>> Drain for CountingDrain<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let written = self.drain.lock().is_ok_and(|drain| drain.log(record, values).is_ok());
        let count = if written { &self.counts.shipped } else { &self.counts.dropped };
        count.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// Writes one JSON object per line, with the time of writing.
struct JsonDrain(Stdout, Uuid);

impl Drain for JsonDrain {
    type Ok = ();
    type Err = std::io::Error;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> std::io::Result<()> {
        let mut line = event::render(record, values, Utc::now(), EventFormat::unbounded(self.1));
        line.push('\n');
        let mut out = self.0.lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}
