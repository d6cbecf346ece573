//! Compares the catalogue in the database with a file. Items are parsed as by an import; nothing is
//! written.

use std::path::Path;
use std::sync::Arc;

use super::input::Input;
use super::report::{Report, ReportFormat};
use crate::actors::db_breaker::Circuit;
use crate::app::command_error::CommandError;
use crate::app::commands::import::batches::{Batch, Batches};
use crate::app::commands::import::source::ImportSource;
use crate::app::commands::progress::byte_bar;
use crate::app::database::Database;
use crate::config::Config;
use crate::storage::Transaction;
use crate::storage::catalogue::CatalogueComparison;

/// Compares the database with this file.
pub(super) async fn compare(
    config: &Config,
    file: &Path,
    format: ReportFormat,
) -> Result<Report, CommandError> {
    let source = Arc::new(ImportSource::open(file)?);
    if source.has_versions() {
        return Err(CommandError::usage("a file of versions cannot be compared"));
    }
    let bar = byte_bar(source.length());
    let compared = Database::run_command(config, async |db| {
        // A transaction may run again, and then compares again.
        let compare = async |conn: &mut Transaction<'_>| {
            let mut batches = Batches::parse(&source, &bar);
            let mut comparison = CatalogueComparison::default();
            let (mut report, mut input) = (Report::new(format), Input::default());
            while let Some(batch) = batches.next().await {
                let found = match &batch {
                    Batch::Domains(items) => {
                        comparison.domains(conn, &input.domains(items)).await?
                    }
                    Batch::Metrics(items) => {
                        comparison.metrics(conn, &input.metrics(items)).await?
                    }
                };
                for item in &found {
                    report.add(item);
                }
            }
            if let Err(violations) = batches.finish().await {
                return Ok(Err(violations));
            }
            if !input.violations.is_empty() {
                return Ok(Err(input.violations));
            }
            for item in &comparison.missing(conn).await? {
                report.add(item);
            }
            Ok(Ok(report))
        };
        Ok(db.read_snapshot(Circuit::Metrics, "metrics.compare", compare).await?)
    })
    .await;
    bar.finish_and_clear();
    compared?.map_err(|wrong| CommandError::violations("the file is not valid", &wrong))
}
