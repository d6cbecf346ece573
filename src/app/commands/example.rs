//! `mdl example`: prints an item that the service accepts as it is. It is the example of the
//! OpenAPI document.

use crate::app::cli::{ExampleItem, ExportFormat};
use crate::app::command_error::CommandError;
use crate::app::output::print_line;
use crate::model::catalogue::{ExampleDetail, ExampleKind, example};

/// Prints an example, with the required fields only unless it is to be `full`.
pub(in crate::app) fn run(
    item: ExampleItem,
    format: ExportFormat,
    full: bool,
) -> Result<(), CommandError> {
    let kind = match item {
        ExampleItem::Metric => ExampleKind::Metric,
        ExampleItem::Domain => ExampleKind::Domain,
        ExampleItem::Catalogue => ExampleKind::Catalogue,
    };
    let detail = if full { ExampleDetail::Full } else { ExampleDetail::Required };
    let example = example(kind, detail)
        .ok_or_else(|| CommandError::failed("this build has no valid sample catalogue"))?;
    let text = match format {
        ExportFormat::Yaml => serde_saphyr::to_string(&example).map_err(CommandError::failed)?,
        ExportFormat::Json => {
            serde_json::to_string_pretty(&example).map_err(CommandError::failed)?
        }
    };
    print_line(text.trim_end())
}
