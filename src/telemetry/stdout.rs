//! Events on stdout: written by a thread of its own behind a bounded queue, so that no request
//! waits for a terminal or a pipe. What does not fit is dropped and counted, and the stream says
//! so.

use std::io::{IsTerminal, Stdout as Handle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slog::{Drain, FnValue, Level, Never, OwnedKVList, PushFnValue, Record, o};
use slog_async::{AsyncCore, AsyncCoreBuilder, AsyncGuard};

use super::level;
use super::sinks::Tally;
use crate::config::LogFormat;

/// How many events may wait to be written.
const BUFFERED_EVENTS: usize = 8192;

/// The way to stdout.
pub(super) struct Stdout {
    core: AsyncCore,
    tally: Arc<Tally>,
    /// Dropped since the stream last said so.
    untold: AtomicU64,
}

impl Stdout {
    /// In this format; text on a terminal and JSON elsewhere, if none is given. The guard's end
    /// writes what still waits.
    pub(super) fn start(format: Option<LogFormat>) -> (Self, AsyncGuard, Arc<Tally>) {
        let (out, terminal) = (std::io::stdout(), std::io::stdout().is_terminal());
        let tally = Arc::<Tally>::default();
        let (core, guard) =
            match format.unwrap_or(if terminal { LogFormat::Terminal } else { LogFormat::Json }) {
                LogFormat::Json => queue(json(out), Arc::clone(&tally)),
                LogFormat::Terminal => {
                    let decorator = slog_term::TermDecorator::new().stdout().build();
                    queue(slog_term::CompactFormat::new(decorator).build(), Arc::clone(&tally))
                }
            };
        (Self { core, tally: Arc::clone(&tally), untold: AtomicU64::new(0) }, guard, tally)
    }

    /// Puts an event, or a marker, into the queue, if there is room.
    fn put(&self, record: &Record<'_>, values: &OwnedKVList) -> bool {
        // First, because the writer may be faster than we are.
        self.tally.enqueued.fetch_add(1, Ordering::AcqRel);
        self.core.log(record, values).is_ok()
    }
}

impl Drain for Stdout {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let untold = self.untold.swap(0, Ordering::AcqRel);
        if untold > 0 {
            let message = format_args!("log events dropped");
            let told = self.put(
                &slog::record!(Level::Warning, "", &message, slog::b!("dropped" => untold)),
                &OwnedKVList::from(o!()),
            );
            if !told {
                // It will be said another time: nothing is lost.
                self.tally.enqueued.fetch_sub(1, Ordering::AcqRel);
                self.untold.fetch_add(untold, Ordering::AcqRel);
            }
        }
        if !self.put(record, values) {
            self.tally.dropped.fetch_add(1, Ordering::AcqRel);
            self.untold.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }
}

/// Writes what still waits when it is dropped, but waits for no reader that sleeps.
pub(super) struct Flush(Option<AsyncGuard>);

/// How long the end may take.
const END: Duration = Duration::from_secs(5);

impl Flush {
    pub(super) fn of(guard: AsyncGuard) -> Self {
        Self(Some(guard))
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (guard, (done, written)) = (self.0.take(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            drop(guard);
            // Nobody may be left to hear it.
            let _ = done.send(());
        });
        let _ = written.recv_timeout(END);
    }
}

fn queue<D>(drain: D, tally: Arc<Tally>) -> (AsyncCore, AsyncGuard)
where
    D: Drain<Ok = ()> + Send + 'static,
{
    let core = AsyncCoreBuilder::thread_name(
        AsyncCore::custom(Written { drain: Mutex::new(drain), tally }),
        "mdl-log".into(),
    );
    core.chan_size(BUFFERED_EVENTS).build_with_guard()
}

/// Counts what was written. A reader that has gone costs its lines and nothing else.
struct Written<D> {
    drain: Mutex<D>,
    tally: Arc<Tally>,
}

impl<D: Drain<Ok = ()>> Drain for Written<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let written = self.drain.lock().is_ok_and(|drain| drain.log(record, values).is_ok());
        let count = if written { &self.tally.shipped } else { &self.tally.dropped };
        count.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// One JSON object a line with `timestamp`, `level`, `module` and `message`, then the event's own
/// fields.
fn json(out: Handle) -> slog_json::Json<Handle> {
    let fields = o!(
        "timestamp" => FnValue(|_: &Record<'_>| chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        "level" => FnValue(|record: &Record<'_>| record.level().as_str().to_lowercase()),
        "module" => FnValue(|record: &Record<'_>| level::module(record).to_owned()),
        "message" => PushFnValue(|record: &Record<'_>, out| out.emit(record.msg())),
    );
    slog_json::Json::new(out).set_newlines(true).set_flush(true).add_key_value(fields).build()
}
