//! `mdl import`.

use std::io::Read;
use std::path::Path;

use diesel_async::AsyncPgConnection;
use indicatif::{ProgressBar, ProgressStyle};

use crate::actors::db_breaker::Circuit;
use crate::app::cli::Remote;
use crate::app::commands::api_client::Client;
use crate::app::database::{Database, Use};
use crate::app::failure::Failure;
use crate::app::output::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::audit::Action;
use crate::model::catalogue::{Counts, Draft, Format, ImportReport, ItemReport, Outcome};
use crate::storage::audit_events::{self, Actor};
use crate::storage::{StorageError, catalogue};

/// Who the history says it was.
const AUTHOR: &str = "mdl-cli";

pub(in crate::app) async fn run(
    config: &Config,
    file: &Path,
    dry_run: bool,
    remote: &Remote,
) -> Result<(), Failure> {
    let (bytes, format) = read(file)?;
    let report = if let Some(client) = Client::of(remote, &config.transport)? {
        client.import(bytes, format, dry_run).await?
    } else {
        let draft =
            Draft::read(&bytes, format).map_err(|violations| Failure::invalid(&violations))?;
        into_database(config, &draft, dry_run).await?
    };
    tell(&report)
}

/// What a file or stdin says; YAML unless its name says JSON (which YAML includes, but for tabs and
/// repeated keys).
fn read(file: &Path) -> Result<(Vec<u8>, Format), Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        bytes
    } else {
        std::fs::read(file).map_err(failed)?
    };
    let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        || bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    Ok((bytes, if json { Format::Json } else { Format::Yaml }))
}

async fn into_database(
    config: &Config,
    draft: &Draft,
    dry_run: bool,
) -> Result<ImportReport, Failure> {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let database = Database::start(config, Use::Command, &logger).await?;
    let done = work(&database, draft, dry_run).await;
    database.stop().await;
    Ok(ImportReport::new(dry_run, done?))
}

async fn work(
    database: &Database,
    draft: &Draft,
    dry_run: bool,
) -> Result<Vec<ItemReport>, Failure> {
    database.open().await?;
    let now = Clock::default().now();
    let bar = bar(draft.domains.len().saturating_add(draft.metrics.len()));
    let import = async |conn: &mut _| {
        catalogue::import(conn, draft, AUTHOR, now, |done| bar.set_position(done as u64)).await
    };
    let items = if dry_run {
        database.db.rehearse(Circuit::Metrics, "import", import).await
    } else {
        let import = async |conn: &mut AsyncPgConnection| {
            let items = import(conn).await?;
            let wrong = ItemReport::violations(&items);
            if !wrong.is_empty() {
                return Err(StorageError::Invalid(wrong));
            }
            let (actor, counts) = (Actor::command("mdl import"), Counts::of(&items));
            audit_events::record(
                conn,
                &actor,
                Action::CatalogueImported,
                "catalogue",
                &counts,
                now,
            )
            .await?;
            Ok(items)
        };
        database.db.transaction(Circuit::Metrics, "import", import).await
    };
    bar.finish_and_clear();
    Ok(items?)
}

/// On stderr, and only where that is a terminal.
pub(in crate::app) fn bar(items: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(items as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn tell(report: &ImportReport) -> Result<(), Failure> {
    for item in report.items.iter().filter(|item| item.outcome == Outcome::Error) {
        for error in &item.errors {
            say(&format!("error {}: {}", error.field, error.message))?;
        }
        if item.errors_omitted > 0 {
            say(&format!("error {}: {} more", item.path, item.errors_omitted))?;
        }
    }
    let counts = report.counts;
    say(&format!(
        "{}created {}, updated {}, unchanged {}, errors {}",
        if report.dry_run { "dry run, nothing written: " } else { "" },
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.errors
    ))?;
    if counts.errors > 0 { Err(Failure::new("the catalogue has errors")) } else { Ok(()) }
}
