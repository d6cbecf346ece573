//! What is logged, and how it looks.

use clap::{Args, ValueEnum};

/// What is logged.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logs")]
pub struct LogConfig {
    /// error, warning, info, debug or trace; also per module: `info,mdl::storage=debug`
    #[arg(long, env, global = true, default_value = "info", value_name = "LOG_LEVEL")]
    pub log_level: String,
    /// One JSON object a line, or coloured text [default: text on a terminal, else JSON]
    #[arg(long, env, global = true, value_enum, value_name = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One object a line, for machines.
    Json,
    /// For people.
    Terminal,
}
