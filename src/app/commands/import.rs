//! `mdl import`: imports a document, into the database (`local`) or through a running service
//! (`remote`). [`source`] reads the document and [`batches`] parses it, so that a file of any
//! length takes little memory. Files of `mdl export --versions` are imported by [`versions`].

pub(super) mod batches;
mod known_domains;
mod local;
mod parts;
mod remote;
pub(super) mod source;
mod versions;

use std::path::Path;
use std::sync::Arc;

use self::source::ImportSource;
use crate::app::cli::RemoteOptions;
use crate::app::command_error::CommandError;
use crate::app::commands::api_client::ApiClient;
use crate::app::output::print_line;
use crate::config::Config;
use crate::model::catalogue::{ImportReport, ItemOutcome};
use crate::model::warnings::Warnings;

/// Imports a file and prints the report.
pub(in crate::app) async fn run(
    config: &Config,
    file: &Path,
    dry_run: bool,
    remote: &RemoteOptions,
) -> Result<(), CommandError> {
    let source = Arc::new(ImportSource::open(file)?);
    if source.has_versions() {
        if remote.url.is_some() {
            return Err(CommandError::usage(
                "a file of versions is imported into the database, without --url",
            ));
        }
        return versions::import(config, &source, dry_run).await;
    }
    let (report, warnings) = match ApiClient::from_options(remote, &config.transport)? {
        Some(client) => remote::import(&client, &source, dry_run).await?,
        None => local::import(config, &source, dry_run).await?,
    };
    print_warnings(&warnings)?;
    print_report(&report)
}

/// Prints what was removed from rich texts.
fn print_warnings(warnings: &Warnings) -> Result<(), CommandError> {
    for warning in &warnings.shown {
        print_line(&format!("warning {}: {}", warning.field, warning.message))?;
    }
    if warnings.omitted > 0 {
        print_line(&format!("warning: {} more", warnings.omitted))?;
    }
    Ok(())
}

fn print_report(report: &ImportReport) -> Result<(), CommandError> {
    for item in report.items.iter().filter(|item| item.outcome == ItemOutcome::Error) {
        for error in &item.errors {
            print_line(&format!("error {}: {}", error.field, error.message))?;
        }
        if item.errors_omitted > 0 {
            print_line(&format!("error {}: {} more", item.path, item.errors_omitted))?;
        }
    }
    let counts = report.counts;
    print_line(&format!(
        "{}created {}, updated {}, unchanged {}, errors {}",
        if report.dry_run { "dry run, nothing written: " } else { "" },
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.errors
    ))?;
    if counts.errors > 0 { Err(CommandError::failed("the catalogue has errors")) } else { Ok(()) }
}
