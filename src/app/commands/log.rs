//! `mdl log`: lists the versions of a metric or business domain, newest first.

use serde::Serialize;

use super::item_lookup::find_kind;
use crate::actors::db_breaker::Circuit;
use crate::app::cli::LogArguments;
use crate::app::command_error::CommandError;
use crate::app::database::Database;
use crate::app::output::{print_line, print_note, printable};
use crate::config::Config;
use crate::model::changes::ItemKind;
use crate::model::versions::VersionEntry;
use crate::storage::versions::{self, VersionedTable};

/// What `--json` prints.
#[derive(Serialize)]
struct VersionLog<'a> {
    kind: ItemKind,
    id: &'a str,
    /// Number of all versions, also of those that are not shown.
    total: i64,
    versions: Vec<VersionEntry>,
}

/// Prints the versions.
pub(in crate::app) async fn run(
    config: &Config,
    arguments: LogArguments,
) -> Result<(), CommandError> {
    let LogArguments { name, kind, limit, json } = arguments;
    let id = name.id.as_str();
    if name.version.is_some() {
        return Err(CommandError::usage(format!(
            "`mdl log {id}` lists all versions; `mdl show {name}` prints this one"
        )));
    }
    let log = Database::run_command(config, async |db| {
        let kind = find_kind(db, id, kind.map(ItemKind::from)).await?;
        let table = VersionedTable::from_kind(kind);
        let list = async |conn: &mut _| versions::list(conn, table, id, 0, limit).await;
        let listed = db.run(Circuit::Metrics, "metric_revisions.list_versions", list).await?;
        let (versions, total) = listed;
        Ok(VersionLog { kind, id, total, versions })
    })
    .await?;
    if json {
        return print_line(&serde_json::to_string_pretty(&log).map_err(CommandError::failed)?);
    }
    for line in table(&log.versions) {
        print_line(&line)?;
    }
    let shown = log.versions.len();
    if i64::try_from(shown).is_ok_and(|shown| shown < log.total) {
        print_note(&format!("{shown} of {} versions shown; --limit shows more", log.total));
    }
    Ok(())
}

/// Returns the lines of a table with a header. The last column has what changed, in any length.
fn table(versions: &[VersionEntry]) -> Vec<String> {
    let header = ["VERSION", "TIME", "AUTHOR", "CHANNEL", "CHANGE", "FIELDS"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(versions.iter().map(|entry| {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { printable(text) };
        [
            entry.version.clone(),
            entry.changed_at.clone(),
            or_dash(&entry.changed_by),
            or_dash(entry.channel.as_ref().map_or("", AsRef::as_ref)),
            entry.change_type.as_ref().to_owned(),
            or_dash(&entry.fields_changed.join(", ")),
        ]
    }));
    let widths = [0, 1, 2, 3, 4].map(|column| {
        let lengths =
            rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count());
        lengths.max().unwrap_or(0)
    });
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(widths).map(|(text, width)| format!("{text:width$}"));
        let last = row.last().cloned();
        padded.chain(last).collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}
