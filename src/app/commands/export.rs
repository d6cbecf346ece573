//! `mdl export`: writes the whole catalogue, from the database or from a running service, without
//! holding more than a part of it. Where it is written to is [`target`]; [`pages`] exports from
//! services that have no route for it, [`versions`] all versions.

mod pages;
mod target;
mod versions;

use std::ops::ControlFlow;
use std::path::Path;

use futures_util::future::join;
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use self::target::{ExportTarget, LIMIT};
use crate::actors::db_breaker::Circuit;
use crate::app::cli::{ExportFormat, RemoteOptions};
use crate::app::command_error::CommandError;
use crate::app::commands::api_client::{ApiClient, RequestError};
use crate::app::commands::progress::item_bar;
use crate::app::database::{Database, Purpose};
use crate::config::Config;
use crate::model::catalogue::DocumentFormat;
use crate::model::metrics::query::MetricFilter;
use crate::storage::catalogue::{
    ExportBatch, ExportDocument, ExportError, ExportPosition, Exported,
};
use crate::storage::{Transaction, catalogue, metrics};

/// Writes all versions to `output`, or to stdout.
pub(in crate::app) async fn run_versions(
    config: &Config,
    output: Option<&Path>,
) -> Result<(), CommandError> {
    versions::from_database(config, ExportTarget::create(output)?).await?.finish()
}

/// Writes the catalogue to `output`, or to stdout.
pub(in crate::app) async fn run(
    config: &Config,
    format: ExportFormat,
    output: Option<&Path>,
    remote: &RemoteOptions,
) -> Result<(), CommandError> {
    let format = match format {
        ExportFormat::Yaml => DocumentFormat::Yaml,
        ExportFormat::Json => DocumentFormat::Json,
    };
    let target = ExportTarget::create(output)?;
    let target = match ApiClient::from_options(remote, &config.transport)? {
        Some(client) => {
            let mut target = target;
            let exported = match client.export(format, &mut target).await {
                // An older service.
                Err(RequestError::NotFound(_)) => pages::export(&client, format, &mut target).await,
                exported => exported.map_err(CommandError::from),
            };
            exported.map_err(|error| target.not_written(error))?;
            target
        }
        None => from_database(config, format, target).await?,
    };
    target.finish()
}

async fn from_database(
    config: &Config,
    format: DocumentFormat,
    target: ExportTarget,
) -> Result<ExportTarget, CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let outcome = read_catalogue(&database, format, target).await;
    database.stop().await;
    outcome
}

async fn read_catalogue(
    database: &Database,
    format: DocumentFormat,
    target: ExportTarget,
) -> Result<ExportTarget, CommandError> {
    database.open().await?;
    let db = &database.db;
    let total =
        db.run(Circuit::Metrics, "metrics.count", async |conn| metrics::count(conn).await).await?;
    let bar = item_bar(u64::try_from(total).unwrap_or(0));
    let (sender, batches) = mpsc::channel(2);
    let reading = async move {
        let send = async |batch| match sender.send(batch).await {
            Ok(()) => ControlFlow::Continue(()),
            // Writing has failed; its error is the result.
            Err(_) => ControlFlow::Break(()),
        };
        let (circuit, all) = (Circuit::Metrics, MetricFilter::default());
        let next = async |conn: &mut Transaction<'_>, position: &mut ExportPosition| {
            catalogue::next_batch(conn, &all, position).await
        };
        db.read_batches(circuit, "metrics.export", LIMIT, next, send).await
    };
    let (shown, place) = (bar.clone(), target.place());
    let writing = tokio::task::spawn_blocking(move || write(batches, format, target, &shown));
    let (read, written) = join(reading, writing).await;
    bar.finish_and_clear();
    let exported = written.map_err(CommandError::failed)?.map_err(|error| match error {
        ExportError::Output(error) => CommandError::failed(format!("{place}: {error}")),
        error @ ExportError::Stored(_) => CommandError::failed(error),
    })?;
    match (exported, read) {
        (Exported::Complete(target), Ok(())) => Ok(target),
        (Exported::Complete(target) | Exported::Incomplete(target), Err(error)) => {
            Err(target.not_written(error.into()))
        }
        (Exported::Incomplete(target), Ok(())) => {
            Err(target.not_written(CommandError::failed("the export ended early")))
        }
    }
}

fn write(
    mut batches: mpsc::Receiver<ExportBatch>,
    format: DocumentFormat,
    target: ExportTarget,
    bar: &ProgressBar,
) -> Result<Exported<ExportTarget>, ExportError> {
    let written = |batch: &ExportBatch| bar.inc(batch.metric_count() as u64);
    ExportDocument::write(target, format, || batches.blocking_recv(), written)
}
