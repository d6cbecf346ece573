//! Imports a document into the database, in one transaction.

use std::sync::Arc;

use super::batches::{Batch, Batches};
use super::source::ImportSource;
use crate::actors::db_breaker::Circuit;
use crate::app::command_error::CommandError;
use crate::app::commands::progress::{byte_bar, show_items};
use crate::app::database::{Database, Purpose};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::catalogue::{ImportReport, ImportTally};
use crate::model::versions::{ChangeChannel, RevisionStamp};
use crate::model::warnings::Warnings;
use crate::storage::audit_events::Actor;
use crate::storage::catalogue::CatalogueImport;
use crate::storage::catalogue_epochs::LockedCatalogue;
use crate::storage::metrics::UnknownIds;
use crate::storage::{StorageError, Transaction, catalogue};

/// Author of the revisions that an import into the database makes.
const AUTHOR: &str = "mdl-cli";

/// Imports a document.
pub(super) async fn import(
    config: &Config,
    source: &Arc<ImportSource>,
    dry_run: bool,
) -> Result<(ImportReport, Warnings), CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let imported = into_database(&database, source, dry_run).await;
    database.stop().await;
    let (tally, warnings) = imported?;
    Ok((tally.into_report(dry_run), warnings))
}

async fn into_database(
    database: &Database,
    source: &Arc<ImportSource>,
    dry_run: bool,
) -> Result<(ImportTally, Warnings), CommandError> {
    database.open().await?;
    let (db, clock) = (&database.db, Clock::default());
    let bar = byte_bar(source.length());
    // A transaction may run again, and then reads the document again.
    let import = async |conn: &mut Transaction<'_>, writer| {
        let mut batches = Batches::parse(source, &bar);
        let mut import = CatalogueImport::begin(conn, writer).await?;
        while let Some(batch) = batches.next().await {
            match batch {
                Batch::Domains(domains) => import.domains(conn, &domains).await?,
                Batch::Metrics(metrics) => import.metrics(conn, &metrics).await?,
            }
            show_items(&bar, import.count());
        }
        let warnings = batches.finish().await.map_err(StorageError::Invalid)?;
        Ok((import.finish(conn, UnknownIds::Refused).await?, warnings))
    };
    let imported = if dry_run {
        let import = async |conn: &mut Transaction<'_>| import(conn, None).await;
        db.read_snapshot(Circuit::Metrics, "metrics.import_dry_run", import).await
    } else {
        let import = async |conn: &mut Transaction<'_>, locked: LockedCatalogue| {
            let now = locked.time_of_change(clock.now());
            let channel = ChangeChannel::Command;
            let stamp = RevisionStamp { author: AUTHOR, channel, now };
            let (tally, warnings) = import(conn, Some(stamp)).await?;
            let violations = tally.violations();
            if !violations.is_empty() {
                return Err(StorageError::Invalid(violations));
            }
            let actor = Actor::command("mdl import");
            catalogue::record_import(conn, &actor, &tally, now).await?;
            Ok((tally, warnings))
        };
        db.change_catalogue(Circuit::Metrics, "metrics.import", import).await
    };
    bar.finish_and_clear();
    Ok(imported?)
}
