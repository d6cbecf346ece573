//! `mdl export`.

use std::path::Path;

use crate::actors::db_breaker::Circuit;
use crate::app::cli::{ExportFormat, Remote};
use crate::app::commands::api_client::Client;
use crate::app::commands::import::bar;
use crate::app::database::{Database, Use};
use crate::app::failure::Failure;
use crate::app::output::say;
use crate::config::Config;
use crate::model::catalogue::Catalogue;
use crate::storage::{catalogue, metrics};

pub(in crate::app) async fn run(
    config: &Config,
    format: ExportFormat,
    output: Option<&Path>,
    remote: &Remote,
) -> Result<(), Failure> {
    let catalogue = match Client::of(remote, &config.transport)? {
        Some(client) => client.export().await?,
        None => from_database(config).await?,
    };
    let text = match format {
        ExportFormat::Yaml => {
            serde_saphyr::to_string(&catalogue).map_err(|error| Failure::new(error.to_string()))?
        }
        ExportFormat::Json => serde_json::to_string_pretty(&catalogue)
            .map_err(|error| Failure::new(error.to_string()))?,
    };
    match output {
        Some(file) => std::fs::write(file, text)
            .map_err(|error| Failure::new(format!("{}: {error}", file.display()))),
        None => say(text.trim_end()),
    }
}

async fn from_database(config: &Config) -> Result<Catalogue, Failure> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Use::Command, &logger).await?;
    let done = work(&database).await;
    database.stop().await;
    done
}

async fn work(database: &Database) -> Result<Catalogue, Failure> {
    database.open().await?;
    let db = &database.db;
    let total = db.run(Circuit::Metrics, "count", async |conn| metrics::count(conn).await).await?;
    let bar = bar(usize::try_from(total).unwrap_or(0));
    // One snapshot: an export in the middle of a change shows all of it or nothing.
    let all = db
        .transaction(Circuit::Metrics, "export", async |conn| {
            diesel_async::SimpleAsyncConnection::batch_execute(
                conn,
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            )
            .await?;
            catalogue::export(conn, |done| bar.set_position(done as u64)).await
        })
        .await;
    bar.finish_and_clear();
    Ok(all?)
}
