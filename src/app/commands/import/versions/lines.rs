//! Reads a file of versions line by line, on a thread of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::commands::import::source::ImportSource;
use crate::model::version_records::checker::{RecordChecker, RecordTotals};
use crate::model::version_records::{MAX_LINE, RecordFileEnd, VersionRecord};
use crate::model::violations::Violation;

/// Number of changes, and length of their lines in bytes, from which a batch is full.
const BATCH: (usize, usize) = (500, 4 * 1024 * 1024);

/// Checks a file.
///
/// # Errors
/// The first violations.
pub(super) fn check(
    source: &ImportSource,
    bar: &ProgressBar,
    now: DateTime<Utc>,
) -> Result<RecordTotals, Vec<Violation>> {
    let mut checker = RecordChecker::new(now);
    for_each_line(source, bar, |line| {
        if checker.line(line) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .map_err(|violation| vec![violation])?;
    checker.finish()
}

/// The changes of a checked file, in batches. Reading ends when this is dropped.
pub(super) struct RecordLines {
    receiver: mpsc::Receiver<Vec<VersionRecord>>,
    /// Returns the number of changes.
    reading: JoinHandle<Result<u64, Violation>>,
}

impl RecordLines {
    /// Begins to read a file.
    pub(super) fn read(source: &Arc<ImportSource>, bar: &ProgressBar) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let (source, bar) = (Arc::clone(source), bar.clone());
        let reading = tokio::task::spawn_blocking(move || send(&source, &bar, &sender));
        Self { receiver, reading }
    }

    /// Returns the next changes; none at the end.
    pub(super) async fn next(&mut self) -> Option<Vec<VersionRecord>> {
        self.receiver.recv().await
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If the file is not the one any more that was checked.
    pub(super) async fn finish(self, totals: &RecordTotals) -> Result<(), Vec<Violation>> {
        let Self { receiver, reading } = self;
        drop(receiver);
        match reading.await {
            Ok(Ok(changes)) if changes == totals.changes => Ok(()),
            Ok(Err(violation)) => Err(vec![violation]),
            _ => Err(vec![Violation::new("", "was changed while it was imported")]),
        }
    }
}

fn send(
    source: &ImportSource,
    bar: &ProgressBar,
    sender: &mpsc::Sender<Vec<VersionRecord>>,
) -> Result<u64, Violation> {
    let (mut batch, mut length) = (Vec::new(), 0_usize);
    let (mut changes, mut number) = (0_u64, 0_u64);
    let mut wrong = None;
    for_each_line(source, bar, |line| {
        number = number.saturating_add(1);
        if number == 1 || RecordFileEnd::parse(line).is_some() {
            return ControlFlow::Continue(());
        }
        let Ok(record) = serde_json::from_str(line) else {
            wrong = Some(Violation::new(format!("line {number}"), "is no change of a version"));
            return ControlFlow::Break(());
        };
        batch.push(record);
        length = length.saturating_add(line.len());
        changes = changes.saturating_add(1);
        if batch.len() < BATCH.0 && length < BATCH.1 {
            return ControlFlow::Continue(());
        }
        length = 0;
        match sender.blocking_send(std::mem::take(&mut batch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if !batch.is_empty() {
        // That it is not wanted any more is no error of the file.
        let _ = sender.blocking_send(batch);
    }
    Ok(changes)
}

/// Calls `work` with each line, until it breaks.
fn for_each_line(
    source: &ImportSource,
    bar: &ProgressBar,
    mut work: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<(), Violation> {
    let unreadable = |error: io::Error| Violation::new("", format!("cannot be read: {error}"));
    bar.set_position(0);
    let mut reader = BufReader::new(bar.wrap_read(source.reader().map_err(unreadable)?));
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        number = number.saturating_add(1);
        let mut limited = reader.by_ref().take(MAX_LINE as u64);
        if limited.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        let refused = |message: &str| Violation::new(format!("line {number}"), message);
        if line.len() >= MAX_LINE && line.last() != Some(&b'\n') {
            return Err(refused("must be at most 1 MiB long"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| refused("must be UTF-8"))?;
        if work(text.trim_end_matches(['\r', '\n'])).is_break() {
            return Ok(());
        }
    }
}
