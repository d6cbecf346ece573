//! `mdl export`: writes the whole catalogue, from the database or from a running service.

use std::path::Path;

use crate::actors::db_breaker::Circuit;
use crate::app::cli::{ExportFormat, RemoteOptions};
use crate::app::command_error::CommandError;
use crate::app::commands::api_client::ApiClient;
use crate::app::commands::import::progress_bar;
use crate::app::database::{Database, Purpose};
use crate::app::output::print_line;
use crate::config::Config;
use crate::model::catalogue::Catalogue;
use crate::storage::{catalogue, metrics};

/// Writes the catalogue to `output`, or to stdout.
pub(in crate::app) async fn run(
    config: &Config,
    format: ExportFormat,
    output: Option<&Path>,
    remote: &RemoteOptions,
) -> Result<(), CommandError> {
    let catalogue = match ApiClient::from_options(remote, &config.transport)? {
        Some(client) => client.export().await?,
        None => from_database(config).await?,
    };
    let text = match format {
        ExportFormat::Yaml => serde_saphyr::to_string(&catalogue).map_err(CommandError::failed)?,
        ExportFormat::Json => {
            serde_json::to_string_pretty(&catalogue).map_err(CommandError::failed)?
        }
    };
    match output {
        Some(file) => std::fs::write(file, text)
            .map_err(|error| CommandError::failed(format!("{}: {error}", file.display()))),
        None => print_line(text.trim_end()),
    }
}

async fn from_database(config: &Config) -> Result<Catalogue, CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let outcome = read_catalogue(&database).await;
    database.stop().await;
    outcome
}

async fn read_catalogue(database: &Database) -> Result<Catalogue, CommandError> {
    database.open().await?;
    let db = &database.db;
    let total =
        db.run(Circuit::Metrics, "metrics.count", async |conn| metrics::count(conn).await).await?;
    let bar = progress_bar(usize::try_from(total).unwrap_or(0));
    // One snapshot, so that an export shows all of a concurrent change or nothing.
    let all = db
        .transaction(Circuit::Metrics, "metrics.export", async |conn| {
            conn.read_one_snapshot().await?;
            catalogue::export(conn, |done| bar.set_position(done as u64)).await
        })
        .await;
    bar.finish_and_clear();
    Ok(all?)
}
