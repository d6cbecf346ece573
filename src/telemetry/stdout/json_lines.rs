//! JSON lines on stdout. An event is rendered by the thread that logs it; a thread of its own
//! writes the lines, many in one system call.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::Utc;
use slog::{OwnedKVList, Record};
use uuid::Uuid;

use crate::telemetry::event::{self, EventFormat};
use crate::telemetry::sinks::AtomicCounts;

/// Size at which collected lines are written, in bytes.
const BATCH: usize = 64 * 1024;
/// Pause after the queue was empty, in which lines collect. Without it, under load, each line would
/// wake the writer and be a system call.
const PAUSE: Duration = Duration::from_millis(2);

enum Message {
    Line(String),
    /// Write what is in the queue, then end.
    Stop,
}

/// The queue of lines.
pub(super) struct JsonLines {
    queue: SyncSender<Message>,
    format: EventFormat,
}

/// Ends the writer when it is dropped, after the lines in the queue.
pub(in crate::telemetry) struct JsonWriter {
    queue: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl JsonLines {
    /// Starts the writer, with a queue of `size` lines. It counts the lines that were written, and
    /// those that could not be as dropped.
    pub(super) fn start<W: Write + Send + 'static>(
        out: W,
        size: usize,
        instance: Uuid,
        counts: Arc<AtomicCounts>,
    ) -> (Self, JsonWriter) {
        let (queue, lines) = sync_channel(size);
        let thread = std::thread::Builder::new().name("mdl-log".into());
        // Without a thread the queue is closed, and all events are counted as dropped.
        let thread = thread.spawn(move || write(&lines, out, &counts)).ok();
        let writer = JsonWriter { queue: queue.clone(), thread };
        (Self { queue, format: EventFormat::unbounded(instance) }, writer)
    }

    /// Renders an event and puts it into the queue; returns whether there was room.
    pub(super) fn try_push(&self, record: &Record<'_>, values: &OwnedKVList) -> bool {
        let mut line = event::render(record, values, Utc::now(), self.format);
        line.push('\n');
        self.queue.try_send(Message::Line(line)).is_ok()
    }
}

impl Drop for JsonWriter {
    fn drop(&mut self) {
        // Fails if the writer has ended already.
        let _ = self.queue.send(Message::Stop);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn write(lines: &Receiver<Message>, mut out: impl Write, counts: &AtomicCounts) {
    let mut batch = Vec::with_capacity(BATCH);
    let (mut number, mut stopping) = (0, false);
    while !stopping && let Ok(first) = lines.recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    batch.extend_from_slice(line.as_bytes());
                    number += 1;
                }
                Message::Stop => stopping = true,
            }
            let has_room = !stopping && batch.len() < BATCH;
            next = has_room.then(|| lines.try_recv().ok()).flatten();
        }
        let is_drained = batch.len() < BATCH;
        let written = out.write_all(&batch).and_then(|()| out.flush()).is_ok();
        let count = if written { &counts.shipped } else { &counts.dropped };
        count.fetch_add(std::mem::take(&mut number), Ordering::AcqRel);
        batch.clear();
        batch.shrink_to(BATCH);
        if is_drained && !stopping {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use slog::{Drain, Logger, Never, o};

    use super::*;
    use crate::telemetry::sinks::SinkCounter;

    struct Pushed(JsonLines, Arc<AtomicCounts>);

    impl Drain for Pushed {
        type Ok = ();
        type Err = Never;

        fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
            self.1.enqueued.fetch_add(1, Ordering::AcqRel);
            if !self.0.try_push(record, values) {
                self.1.dropped.fetch_add(1, Ordering::AcqRel);
            }
            Ok(())
        }
    }

    /// Stdout whose first write waits until the test lets it go on.
    struct HeldOut(Option<(Sender<()>, Receiver<()>)>, Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for HeldOut {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if let Some((reached, release)) = self.0.take() {
                reached.send(()).unwrap();
                release.recv().unwrap();
            }
            self.1.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_wait_are_written_together_and_none_is_lost_at_the_end() {
        let (reached, is_reached) = channel();
        let (release, released) = channel();
        let written = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let out = HeldOut(Some((reached, released)), Arc::clone(&written));
        let counts = Arc::<AtomicCounts>::default();
        let (lines, writer) = JsonLines::start(out, 100, Uuid::nil(), Arc::clone(&counts));
        let logger = Logger::root(Pushed(lines, Arc::clone(&counts)).fuse(), o!());
        slog::info!(logger, "first");
        is_reached.recv().unwrap();
        for number in 0..50 {
            slog::info!(logger, "next"; "number" => number);
        }
        assert_eq!(counts.counts().buffered, 51);
        release.send(()).unwrap();
        drop(writer);
        let written = written.lock().unwrap();
        let numbers = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).lines().count();
        assert_eq!(written.iter().map(numbers).collect::<Vec<_>>(), [1, 50]);
        let text = String::from_utf8(written.concat()).unwrap();
        let found: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected: Vec<i64> = (0..50).collect();
        let found: Vec<i64> = found.iter().filter_map(|line| line["number"].as_i64()).collect();
        assert_eq!(found, expected);
        // The writer has ended.
        slog::info!(logger, "late");
        let counts = counts.counts();
        assert_eq!((counts.shipped, counts.dropped, counts.buffered), (51, 1, 0));
    }
}
