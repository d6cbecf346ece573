//! `mdl diff`: compares the catalogue in the database with a file ([`mod@file`]), or two versions.
//! What differs is written by [`report`]; the exit code tells, too.

mod file;
mod input;
mod report;

use self::report::{Report, ReportFormat};
use super::item_lookup::{find_kind, read_content};
use crate::app::cli::DiffArguments;
use crate::app::command_error::CommandError;
use crate::app::database::Database;
use crate::config::Config;
use crate::model::catalogue::ItemDifference;
use crate::model::changes::ItemKind;
use crate::model::versions::diff::changes_between;
use crate::model::versions::name::ItemName;

/// Compares, and prints what differs.
///
/// # Errors
/// [`CommandError::Different`] if something differs. All others have the exit code 2.
pub(in crate::app) async fn run(
    config: &Config,
    arguments: DiffArguments,
) -> Result<(), CommandError> {
    let format = match &arguments {
        DiffArguments { quiet: true, .. } => ReportFormat::None,
        DiffArguments { json: true, .. } => ReportFormat::Json,
        _ => ReportFormat::Text,
    };
    let report = compare(config, arguments, format).await.map_err(CommandError::into_trouble)?;
    let is_equal = report.is_equal();
    report.print().map_err(CommandError::into_trouble)?;
    if is_equal { Ok(()) } else { Err(CommandError::Different) }
}

async fn compare(
    config: &Config,
    arguments: DiffArguments,
    format: ReportFormat,
) -> Result<Report, CommandError> {
    let DiffArguments { from, to, kind, .. } = arguments;
    let Some(to) = to else { return file::compare(config, &from, format).await };
    let from: ItemName = from.to_string_lossy().parse().map_err(CommandError::usage)?;
    let (old, new, kind) = Database::run_command(config, async |db| {
        let option = kind.map(ItemKind::from);
        let kind = find_kind(db, &from.id, option).await?;
        let old = read_content(db, &from, kind).await?;
        // The other item is of the same kind.
        find_kind(db, &to.id, Some(kind)).await?;
        Ok((old, read_content(db, &to, kind).await?, kind))
    })
    .await?;
    let changes = changes_between(&old, &new, kind.set_by_server());
    let mut report = Report::new(format);
    report.add(&ItemDifference::changed(kind, &to.id, changes));
    Ok(report)
}
