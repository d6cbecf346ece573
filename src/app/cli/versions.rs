//! The arguments of the commands about versions. As in `cli`, doc comments are `--help` texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::changes::ItemKind;
use crate::model::versions::name::ItemName;

/// Arguments of `mdl log`.
#[derive(Clone, Debug, Args)]
pub struct LogArguments {
    /// `metric_id` or `domain_id`, also of a deleted one
    #[arg(value_name = "ID")]
    pub name: ItemName,
    /// Only look for a metric, or for a domain
    #[arg(long, value_enum)]
    pub kind: Option<KindOption>,
    /// Number of versions
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `mdl show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArguments {
    /// `metric_id` or `domain_id`, for a version followed by it, as `mdl log` shows it
    #[arg(value_name = "ID[@VERSION]")]
    pub name: ItemName,
    /// Only look for a metric, or for a domain
    #[arg(long, value_enum)]
    pub kind: Option<KindOption>,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
    pub format: ExportFormat,
}

/// Arguments of `mdl diff`.
#[derive(Clone, Debug, Args)]
pub struct DiffArguments {
    /// Catalogue (JSON or YAML, - for stdin) that the database is compared with; or a version
    #[arg(value_name = "FILE|ID@VERSION")]
    pub from: PathBuf,
    /// A version that the first one is compared with
    #[arg(value_name = "ID@VERSION")]
    pub to: Option<ItemName>,
    /// Only look for versions of a metric, or of a domain
    #[arg(long, value_enum, requires = "to")]
    pub kind: Option<KindOption>,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Print nothing; only the exit code tells
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
}

/// The kind of an item on the command line. A metric and a domain may have the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindOption {
    Metric,
    Domain,
}

impl From<KindOption> for ItemKind {
    fn from(kind: KindOption) -> Self {
        match kind {
            KindOption::Metric => Self::Metric,
            KindOption::Domain => Self::Domain,
        }
    }
}

/// Output format of `mdl export` and `mdl example`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Yaml,
    Json,
}
