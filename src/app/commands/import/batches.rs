//! Parses a document on a thread of its own, a few batches ahead of the import.

use std::ops::ControlFlow;
use std::sync::Arc;

use indicatif::ProgressBar;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::source::ImportSource;
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{DocumentSink, DraftItem, DraftParser, Section};
use crate::model::metrics::Metric;
use crate::model::violations::Violation;
use crate::model::warnings::Warnings;
use crate::storage::catalogue::BATCH;

/// Length of the items of a batch as JSON, in bytes, from which it is full. Up to four batches are
/// in memory at the same time: one is written, one waits, one is collected, and while a batch is
/// written the statement contains it once more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Items of one list of the document. All domains precede all metrics.
pub(in crate::app::commands) enum Batch {
    Domains(Vec<DraftItem<BusinessDomain>>),
    Metrics(Vec<DraftItem<Metric>>),
}

/// The batches of one document. Parsing ends when this is dropped.
pub(in crate::app::commands) struct Batches {
    receiver: mpsc::Receiver<Batch>,
    parsing: JoinHandle<Result<Warnings, Vec<Violation>>>,
}

impl Batches {
    /// Begins to parse a document, and shows in `bar` how far it is.
    pub(in crate::app::commands) fn parse(source: &Arc<ImportSource>, bar: &ProgressBar) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let (source, bar) = (Arc::clone(source), bar.clone());
        let parsing = tokio::task::spawn_blocking(move || parse(&source, sender, &bar));
        Self { receiver, parsing }
    }

    /// Returns the next batch; none at the end of the document, or of what is valid of it.
    pub(in crate::app::commands) async fn next(&mut self) -> Option<Batch> {
        self.receiver.recv().await
    }

    /// Returns what is removed from the rich texts of all items, or what is wrong with the document
    /// as a whole.
    pub(in crate::app::commands) async fn finish(self) -> Result<Warnings, Vec<Violation>> {
        let Self { receiver, parsing } = self;
        drop(receiver);
        let broken = |_| Err(vec![Violation::new("", "cannot be read: the parser failed")]);
        parsing.await.unwrap_or_else(broken)
    }
}

fn parse(
    source: &ImportSource,
    sender: mpsc::Sender<Batch>,
    bar: &ProgressBar,
) -> Result<Warnings, Vec<Violation>> {
    let mut pass = Pass {
        sender,
        parser: DraftParser::default(),
        domains: Vec::new(),
        metrics: Vec::new(),
        length: 0,
        has_domains: false,
        deferred: false,
        is_second: false,
    };
    source.read(&mut pass, bar)?;
    let ended = pass.flush_domains();
    if pass.deferred && ended.is_continue() {
        pass.is_second = true;
        source.read(&mut pass, bar)?;
    }
    // The last batch; that it is not wanted any more is no error of the document.
    let _ = pass.flush_metrics();
    Ok(pass.parser.into_warnings())
}

/// One pass over the document. Where metrics precede domains, they are left to a second one.
struct Pass {
    sender: mpsc::Sender<Batch>,
    parser: DraftParser,
    domains: Vec<DraftItem<BusinessDomain>>,
    metrics: Vec<DraftItem<Metric>>,
    /// Length of these items as JSON.
    length: usize,
    has_domains: bool,
    deferred: bool,
    is_second: bool,
}

impl Pass {
    fn flush_domains(&mut self) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.domains);
        if batch.is_empty() { ControlFlow::Continue(()) } else { self.send(Batch::Domains(batch)) }
    }

    fn flush_metrics(&mut self) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.metrics);
        if batch.is_empty() { ControlFlow::Continue(()) } else { self.send(Batch::Metrics(batch)) }
    }

    /// Whether a batch of `count` items is full, after one of this length was added.
    fn is_full(&mut self, count: usize, added: usize) -> bool {
        self.length = self.length.saturating_add(added);
        count >= BATCH || self.length >= BATCH_BYTES
    }

    fn send(&mut self, batch: Batch) -> ControlFlow<()> {
        self.length = 0;
        match self.sender.blocking_send(batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl DocumentSink for Pass {
    fn begin(&mut self, section: Section) -> bool {
        match section {
            Section::Domains => {
                self.has_domains = true;
                !self.is_second
            }
            Section::Metrics if self.has_domains || self.is_second => true,
            Section::Metrics => {
                self.deferred = true;
                false
            }
        }
    }

    fn item(&mut self, section: Section, item: Value) -> ControlFlow<()> {
        match section {
            Section::Domains => {
                let item = self.parser.domain(item);
                let length = item.length;
                self.domains.push(item);
                if self.is_full(self.domains.len(), length) {
                    self.flush_domains()?;
                }
            }
            Section::Metrics => {
                // The last domains precede the first metric.
                self.flush_domains()?;
                let item = self.parser.metric(item);
                let length = item.length;
                self.metrics.push(item);
                if self.is_full(self.metrics.len(), length) {
                    self.flush_metrics()?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}
