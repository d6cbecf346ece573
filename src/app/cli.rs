//! The command line. Every option of the configuration is also a variable of the environment;
//! secrets are variables only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::config::{Config, secrets};

/// Metrics Definition Library: a resilient REST service for a company's metric definitions
#[derive(Debug, Parser)]
#[command(name = "mdl", version, after_help = secrets::help())]
pub struct Cli {
    /// What to do; `serve` if not said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The configuration.
    #[command(flatten)]
    pub config: Config,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (what happens without a command)
    Serve {
        /// Fill an empty catalogue with the sample
        #[arg(long)]
        sample: bool,
    },
    /// Bring the database's schema up to date
    Migrate {
        /// Take back the last migration instead
        #[arg(long, conflicts_with = "status")]
        revert: bool,
        /// Only say which migrations have been run
        #[arg(long)]
        status: bool,
    },
    /// Bring a catalogue (JSON or YAML) into the database, all of it or nothing
    Import {
        /// The file; - for stdin (YAML or JSON)
        file: PathBuf,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        remote: Remote,
    },
    /// Write the catalogue to stdout or a file
    Export {
        /// How it is written
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
        /// File to write instead of stdout
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        remote: Remote,
    },
    /// Manage administrators, on the database itself
    Admin {
        /// What to do.
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Look at API keys
    Key {
        /// What to do.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Print the `OpenAPI` document
    Openapi,
    /// Ask the service on HOST:PORT whether it lives; for containers
    Healthcheck {
        /// Ask whether it can do its work, too
        #[arg(long)]
        ready: bool,
    },
}

/// A running service, instead of the database.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// Ask the service at this address instead of the database; `MDL_TOKEN` or `MDL_TOKEN_FILE`
    /// holds the API key or access token
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// `MDL_TOKEN`: API key or access token.
    #[arg(skip)]
    pub token: Option<SecretString>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// What can be done with an API key, without a database.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Say whether a key is well-formed, and what it is found by in the database; the key is read
    /// from stdin
    Inspect {
        /// Refused: a key does not belong into the history of a shell. It is taken so that the
        /// parser does not repeat it.
        #[arg(hide = true, value_name = "KEY", value_parser = |text: &str| Ok::<_, std::convert::Infallible>(SecretString::from(text)))]
        key: Option<SecretString>,
    },
}

/// What can be done about administrators. The password is asked for, or read from stdin when that
/// is no terminal.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create an administrator
    Create {
        /// User name
        username: String,
        /// E-mail address
        #[arg(long)]
        email: String,
        /// Full name; the user name if not said
        #[arg(long)]
        full_name: Option<String>,
    },
    /// Set another password for a user, end its sessions and revoke its API keys
    ResetPassword {
        /// User name or e-mail address
        username: String,
    },
}
