//! `mdl migrate`.

use crate::app::database::{Database, Use};
use crate::app::failure::Failure;
use crate::app::output::say;
use crate::config::Config;
use crate::postgres::migrations;

pub(in crate::app) async fn run(
    config: &Config,
    revert: bool,
    status: bool,
) -> Result<(), Failure> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Use::Command, &logger).await?;
    let done = work(&database, revert, status).await;
    database.stop().await;
    done
}

async fn work(database: &Database, revert: bool, status: bool) -> Result<(), Failure> {
    let connection = database
        .db
        .administrative_connection()
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    if status {
        for migration in migrations::status(connection).await.map_err(Failure::new)? {
            say(&format!("[{}] {}", if migration.applied { "x" } else { " " }, migration.name))?;
        }
        return Ok(());
    }
    if revert {
        return match migrations::revert(connection).await.map_err(Failure::new)? {
            Some(version) => say(&format!("reverted {version}")),
            None => say("there is nothing to revert"),
        };
    }
    let run = migrations::run(connection).await.map_err(Failure::new)?;
    for version in &run {
        say(&format!("ran {version}"))?;
    }
    if run.is_empty() { say("the schema is up to date") } else { Ok(()) }
}
