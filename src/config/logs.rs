//! Settings of the log on stdout.

use clap::{Args, ValueEnum};

/// Level and format of the log on stdout.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logs")]
pub struct LogConfig {
    /// error, warning, info, debug or trace; also per module: `info,mdl::storage=debug`
    #[arg(long, env, global = true, default_value = "info", value_name = "LOG_LEVEL")]
    pub log_level: String,
    /// One JSON object per line, or coloured text [default: terminal on a terminal, otherwise json]
    #[arg(long, env, global = true, value_enum, value_name = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// Format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Json,
    Terminal,
}
