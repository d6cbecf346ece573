//! `mdl export --versions`: writes all changes with their contents, in the order of the change
//! feed, from one snapshot of the database. The file is in `model::version_records`.

use std::io::{self, Write};
use std::ops::ControlFlow;

use futures_util::future::join;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::sync::mpsc;

use super::target::{ExportTarget, LIMIT};
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::app::command_error::CommandError;
use crate::app::commands::progress::item_bar;
use crate::app::database::Database;
use crate::config::Config;
use crate::model::version_records::RecordFileEnd;
use crate::storage::version_records::export::{RecordBatch, next_records};

/// Title of what is wrong with a catalogue.
const INCOMPLETE: &str = "the versions of the catalogue are not complete";

/// Writes the versions to `target`.
pub(super) async fn from_database(
    config: &Config,
    target: ExportTarget,
) -> Result<ExportTarget, CommandError> {
    Database::run_command(config, async |db| export(db, target).await).await
}

async fn export(db: &DbBreakerHandle, target: ExportTarget) -> Result<ExportTarget, CommandError> {
    let (sender, batches) = mpsc::channel(2);
    let reading = async move {
        // If it is not received, writing has failed; its error is the result.
        let send = async |batch| match sender.send(batch).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let circuit = Circuit::Metrics;
        db.read_batches(circuit, "catalogue_changes.export", LIMIT, next_records, send).await
    };
    let (place, bar) = (target.place(), item_bar(0));
    let shown = bar.clone();
    let writing = tokio::task::spawn_blocking(move || write(batches, target, &shown));
    let (read, written) = join(reading, writing).await;
    bar.finish_and_clear();
    let (target, is_complete) = written
        .map_err(CommandError::failed)?
        .map_err(|error| CommandError::failed(format!("{place}: {error}")))?;
    match read {
        Ok(()) if is_complete => Ok(target),
        Ok(()) => Err(target.not_written(CommandError::failed("the export ended early"))),
        Err(error) => Err(target.not_written(CommandError::from_database(INCOMPLETE, error))),
    }
}

/// Writes the batches. Returns whether the file has its end, which it gets only if all was read.
fn write(
    mut batches: mpsc::Receiver<RecordBatch>,
    mut out: ExportTarget,
    bar: &ProgressBar,
) -> io::Result<(ExportTarget, bool)> {
    let mut changes = 0_u64;
    while let Some(batch) = batches.blocking_recv() {
        match batch {
            RecordBatch::Header(header, total) => {
                bar.set_length(total);
                write_line(&mut out, &header)?;
            }
            RecordBatch::Records(records) => {
                for record in &records {
                    write_line(&mut out, record)?;
                    changes = changes.saturating_add(1);
                    bar.inc(1);
                }
            }
            RecordBatch::End => {
                write_line(&mut out, &RecordFileEnd { changes })?;
                return Ok((out, true));
            }
        }
    }
    Ok((out, false))
}

fn write_line<T: Serialize>(out: &mut ExportTarget, line: &T) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())
}
