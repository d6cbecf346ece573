//! The command line. The first line of each doc comment is the `--help` text, so it is written for
//! users. Every option of the configuration is also an environment variable; secrets are variables
//! only (`config::secrets`).

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::config::{Config, secrets};

/// Metrics Definition Library: a resilient REST service for a company's metric definitions
#[derive(Debug, Parser)]
#[command(name = "mdl", version, after_help = secrets::help())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub config: Config,
}

/// The subcommands; without one, the service runs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (default)
    Serve {
        /// Load the sample catalogue if the catalogue is empty
        #[arg(long)]
        sample: bool,
    },
    /// Run pending migrations of the database schema
    Migrate {
        /// Revert the last migration instead
        #[arg(long, conflicts_with = "status")]
        revert: bool,
        /// Only list the migrations and whether they have been run
        #[arg(long)]
        status: bool,
    },
    /// Import a catalogue (JSON or YAML), all of it or nothing
    Import {
        /// File to import; - for stdin
        file: PathBuf,
        /// Only report what would change
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Export the catalogue to stdout or a file
    Export {
        /// Format of the output
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
        /// File to write instead of stdout
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Manage administrators, directly in the database
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Inspect API keys
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Print the `OpenAPI` document
    Openapi,
    /// Check that the service on HOST:PORT is alive; for containers
    Healthcheck {
        /// Also check that it is ready to serve requests
        #[arg(long)]
        ready: bool,
    },
}

/// Options of commands that may use a running service instead of the database.
#[derive(Clone, Debug, Args)]
pub struct RemoteOptions {
    /// Use the service at this address instead of the database; `MDL_TOKEN` or `MDL_TOKEN_FILE`
    /// holds the API key or access token
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Value of `MDL_TOKEN`, set by `app::run`.
    #[arg(skip)]
    pub token: Option<SecretString>,
}

/// Output format of `mdl export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Yaml,
    Json,
}

/// Subcommands of `mdl key`; none needs a database.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Check the format of an API key read from stdin and print its hash, by which the database
    /// finds it
    Inspect {
        /// Always refused, because a key must not end up in the shell history. It is parsed here so
        /// that clap's own error message does not repeat it.
        #[arg(hide = true, value_name = "KEY", value_parser = parse_secret)]
        key: Option<SecretString>,
    },
}

/// Subcommands of `mdl admin`. The password is prompted for, or read from stdin if that is no
/// terminal.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create an administrator
    Create {
        /// User name of the administrator
        username: String,
        /// E-mail address of the administrator
        #[arg(long)]
        email: String,
        /// Full name [default: the user name]
        #[arg(long)]
        full_name: Option<String>,
    },
    /// Set a new password for a user, end its sessions and revoke its API keys
    ResetPassword {
        /// User name or e-mail address
        username: String,
    },
}

#[allow(clippy::unnecessary_wraps)] // The signature that clap requires.
fn parse_secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}
