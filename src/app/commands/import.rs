//! `mdl import`: imports a document, into the database or through a running service.

use std::io::Read;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::actors::db_breaker::Circuit;
use crate::app::cli::RemoteOptions;
use crate::app::command_error::CommandError;
use crate::app::commands::api_client::ApiClient;
use crate::app::database::{Database, Purpose};
use crate::app::output::print_line;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::catalogue::{
    CatalogueDraft, DocumentFormat, ImportReport, ItemOutcome, ItemReport,
};
use crate::model::warnings::Warnings;
use crate::storage::audit_events::Actor;
use crate::storage::{StorageError, Transaction, catalogue};

/// Author of the revisions that an import into the database makes.
const AUTHOR: &str = "mdl-cli";

/// Imports a file and prints the report.
pub(in crate::app) async fn run(
    config: &Config,
    file: &Path,
    dry_run: bool,
    remote: &RemoteOptions,
) -> Result<(), CommandError> {
    let (bytes, format) = read(file)?;
    let (report, warnings) =
        if let Some(client) = ApiClient::from_options(remote, &config.transport)? {
            client.import(bytes, format, dry_run).await?
        } else {
            let draft = CatalogueDraft::parse(&bytes, format)
                .map_err(|violations| CommandError::invalid_input(&violations))?;
            (into_database(config, &draft, dry_run).await?, draft.warnings)
        };
    print_warnings(&warnings)?;
    print_report(&report)
}

/// Reads a file or stdin. The format is JSON if the file's name or its first character says so,
/// otherwise YAML; JSON with tabs or repeated keys is not valid YAML.
fn read(file: &Path) -> Result<(Vec<u8>, DocumentFormat), CommandError> {
    let failed =
        |error: std::io::Error| CommandError::usage(format!("{}: {error}", file.display()));
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        bytes
    } else {
        std::fs::read(file).map_err(failed)?
    };
    let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        || bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    Ok((bytes, if json { DocumentFormat::Json } else { DocumentFormat::Yaml }))
}

async fn into_database(
    config: &Config,
    draft: &CatalogueDraft,
    dry_run: bool,
) -> Result<ImportReport, CommandError> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Purpose::Command, &logger).await?;
    let items = import(&database, draft, dry_run).await;
    database.stop().await;
    Ok(ImportReport::new(dry_run, items?))
}

async fn import(
    database: &Database,
    draft: &CatalogueDraft,
    dry_run: bool,
) -> Result<Vec<ItemReport>, CommandError> {
    database.open().await?;
    let now = Clock::default().now();
    let bar = progress_bar(draft.domains.len().saturating_add(draft.metrics.len()));
    let import = async |conn: &mut Transaction<'_>| {
        catalogue::import(conn, draft, AUTHOR, now, |done| bar.set_position(done as u64)).await
    };
    let items = if dry_run {
        database.db.dry_run(Circuit::Metrics, "metrics.import", import).await
    } else {
        let import = async |conn: &mut Transaction<'_>| {
            let items = import(conn).await?;
            let wrong = ItemReport::all_violations(&items);
            if !wrong.is_empty() {
                return Err(StorageError::Invalid(wrong));
            }
            let actor = Actor::command("mdl import");
            catalogue::record_import(conn, &actor, &items, now).await?;
            Ok(items)
        };
        database.db.transaction(Circuit::Metrics, "metrics.import", import).await
    };
    bar.finish_and_clear();
    Ok(items?)
}

/// Creates a progress bar, shown on stderr if that is a terminal.
pub(in crate::app) fn progress_bar(items: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(items as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
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
