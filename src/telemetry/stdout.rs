//! Log events on stdout, written by a thread of its own behind a bounded queue, so that no request
//! waits for a terminal or a pipe. Events that do not fit into the queue are dropped and counted,
//! and a `log events dropped` event reports how many. JSON is written by [`json_lines`], text on a
//! terminal by slog-async.

mod json_lines;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slog::{Drain, Level, Never, OwnedKVList, Record, o};
use slog_async::{AsyncCore, AsyncCoreBuilder, AsyncGuard};
use uuid::Uuid;

use self::json_lines::{JsonLines, JsonWriter};
use super::sinks::AtomicCounts;
use crate::config::LogFormat;

/// Size of the queue, in events.
const QUEUE_SIZE: usize = 8192;
/// Longest time to write the rest of the queue at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

enum Queue {
    Json(JsonLines),
    Terminal(Box<AsyncCore>),
}

/// Puts events into the queue of stdout.
pub(super) struct StdoutDrain {
    queue: Queue,
    counts: Arc<AtomicCounts>,
    /// Events dropped since the last `log events dropped` event.
    unreported: AtomicU64,
}

impl StdoutDrain {
    /// Starts the writing thread. Without a format it writes text to a terminal and JSON elsewhere.
    /// Dropping the writer writes the rest of the queue.
    pub(super) fn start(
        format: Option<LogFormat>,
        instance: Uuid,
    ) -> (Self, StdoutWriter, Arc<AtomicCounts>) {
        let terminal = std::io::stdout().is_terminal();
        let counts = Arc::<AtomicCounts>::default();
        let (queue, writer) =
            match format.unwrap_or(if terminal { LogFormat::Terminal } else { LogFormat::Json }) {
                LogFormat::Json => {
                    let out = std::io::stdout();
                    let (lines, writer) =
                        JsonLines::start(out, QUEUE_SIZE, instance, Arc::clone(&counts));
                    (Queue::Json(lines), StdoutWriter::Json { _writer: writer })
                }
                LogFormat::Terminal => {
                    let (core, guard) = terminal_queue(Arc::clone(&counts));
                    (Queue::Terminal(Box::new(core)), StdoutWriter::Terminal { _guard: guard })
                }
            };
        (Self { queue, counts: Arc::clone(&counts), unreported: AtomicU64::new(0) }, writer, counts)
    }

    /// Puts an event into the queue and returns whether there was room.
    fn try_push(&self, record: &Record<'_>, values: &OwnedKVList) -> bool {
        // Counted first, because the writer may be faster than this thread.
        self.counts.enqueued.fetch_add(1, Ordering::AcqRel);
        match &self.queue {
            Queue::Json(lines) => lines.try_push(record, values),
            Queue::Terminal(core) => core.log(record, values).is_ok(),
        }
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

/// The writing thread; dropping it writes the rest of the queue.
pub(super) enum StdoutWriter {
    Json { _writer: JsonWriter },
    Terminal { _guard: AsyncGuard },
}

/// Writes the rest of the queue when it is dropped, for at most [`FLUSH_TIMEOUT`]: the reader of
/// stdout may have stopped reading.
pub(super) struct StdoutFlush(Option<StdoutWriter>);

impl StdoutFlush {
    pub(super) fn new(writer: StdoutWriter) -> Self {
        Self(Some(writer))
    }
}

impl Drop for StdoutFlush {
    fn drop(&mut self) {
        let (writer, (done, flushed)) = (self.0.take(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            drop(writer);
            // The receiver is gone after the timeout.
            let _ = done.send(());
        });
        let _ = flushed.recv_timeout(FLUSH_TIMEOUT);
    }
}

fn terminal_queue(counts: Arc<AtomicCounts>) -> (AsyncCore, AsyncGuard) {
    let decorator = slog_term::TermDecorator::new().stdout().build();
    let drain = Mutex::new(slog_term::CompactFormat::new(decorator).build());
    let core = AsyncCoreBuilder::thread_name(
        AsyncCore::custom(CountingDrain { drain, counts }),
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
