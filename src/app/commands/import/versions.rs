//! Imports a file of `mdl export --versions` into an empty catalogue, in one transaction. The whole
//! file is checked before the database is asked for anything; [`lines`] reads it.

mod lines;

use std::sync::Arc;

use indicatif::ProgressBar;

use self::lines::{RecordLines, check};
use super::source::ImportSource;
use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::app::command_error::CommandError;
use crate::app::commands::progress::byte_bar;
use crate::app::database::Database;
use crate::app::output::print_line;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::version_records::checker::RecordTotals;
use crate::storage::audit_events::Actor;
use crate::storage::catalogue_epochs::LockedCatalogue;
use crate::storage::version_records::import::{RecordImport, ensure_empty};
use crate::storage::{StorageError, Transaction};

/// Imports the file, or only checks it and the database.
pub(super) async fn import(
    config: &Config,
    source: &Arc<ImportSource>,
    dry_run: bool,
) -> Result<(), CommandError> {
    let bar = byte_bar(source.length());
    bar.set_message("(checking)");
    let (checked, shown) = (Arc::clone(source), bar.clone());
    let now = Clock::default().now();
    let checking = tokio::task::spawn_blocking(move || check(&checked, &shown, now));
    let totals = checking.await.map_err(CommandError::failed)?;
    let totals = totals.map_err(|violations| CommandError::invalid_input(&violations))?;
    bar.set_message("");
    let written = Database::run_command(config, async |db| {
        if dry_run {
            let check = async |conn: &mut _| ensure_empty(conn).await;
            return Ok(db.run(Circuit::Metrics, "catalogue_changes.find", check).await?);
        }
        write(db, source, &totals, &bar).await
    })
    .await;
    bar.finish_and_clear();
    written?;
    let RecordTotals { changes, metrics, domains, deleted, .. } = totals;
    print_line(&format!(
        "{}versions {changes}, metrics {metrics}, domains {domains}, deleted {deleted}",
        if dry_run { "dry run, nothing written: " } else { "" },
    ))
}

async fn write(
    db: &DbBreakerHandle,
    source: &Arc<ImportSource>,
    totals: &RecordTotals,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    let clock = Clock::default();
    // A transaction may run again, and then reads the file again.
    let import = async |conn: &mut Transaction<'_>, locked: LockedCatalogue| {
        ensure_empty(conn).await?;
        let mut import = RecordImport::default();
        let mut lines = RecordLines::read(source, bar);
        while let Some(records) = lines.next().await {
            import.changes(conn, &records).await?;
        }
        lines.finish(totals).await.map_err(StorageError::Invalid)?;
        let mut lines = RecordLines::read(source, bar);
        while let Some(records) = lines.next().await {
            RecordImport::metrics(conn, &records).await?;
        }
        lines.finish(totals).await.map_err(StorageError::Invalid)?;
        let now = locked.time_of_change(clock.now());
        import.finish(conn, totals, (&Actor::command("mdl import"), now)).await
    };
    Ok(db.change_catalogue(Circuit::Metrics, "catalogue_changes.import", import).await?)
}
