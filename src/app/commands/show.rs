//! `mdl show`: prints a version of a metric or business domain as the API shows it, or its present
//! state.

use super::item_lookup::{find_kind, read_content};
use crate::app::cli::{ExportFormat, ShowArguments};
use crate::app::command_error::CommandError;
use crate::app::database::Database;
use crate::app::output::print_line;
use crate::config::Config;
use crate::model::changes::ItemKind;

/// Prints the content.
pub(in crate::app) async fn run(
    config: &Config,
    arguments: ShowArguments,
) -> Result<(), CommandError> {
    let ShowArguments { name, kind, format } = arguments;
    let content = Database::run_command(config, async |db| {
        let kind = find_kind(db, &name.id, kind.map(ItemKind::from)).await?;
        read_content(db, &name, kind).await
    })
    .await?;
    let text = match format {
        ExportFormat::Yaml => serde_saphyr::to_string(&content).map_err(CommandError::failed)?,
        ExportFormat::Json => {
            serde_json::to_string_pretty(&content).map_err(CommandError::failed)?
        }
    };
    print_line(text.trim_end())
}
