//! The command line. The first line of each doc comment is the `--help` text, so it is written for
//! users. Every option of the configuration is also an environment variable; secrets are variables
//! only (`config::secrets`).

mod versions;

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;
use strum::AsRefStr;

pub use self::versions::{DiffArguments, ExportFormat, KindOption, LogArguments, ShowArguments};
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
    ///
    /// A file of `mdl export --versions` is recognised; it needs an empty catalogue, and the
    /// database itself.
    ///
    /// With --url, a file of more than 8 MiB (or what the service accepts) is sent in parts,
    /// domains first. All parts are tried in a dry run before the first one is written, but they
    /// are not one transaction: if the service fails in the middle, the message says what was
    /// imported. Importing the file again completes it, because what is stored already stays
    /// unchanged. A request whose response is lost is sent again with the same Idempotency-Key, up
    /// to four times within 15 s, so that it is done once.
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
    ///
    /// A file is written beside its place and put there when it is complete.
    #[command(after_help = "Example:\n  mdl export --versions -o all.jsonl")]
    Export {
        /// Format of the output
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
        /// Export all kept versions, also of deleted items, as JSON Lines; `mdl import` restores
        /// them in an empty database
        #[arg(long, conflicts_with_all = ["format", "url"])]
        versions: bool,
        /// File to write instead of stdout
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Write the data of the embedded mode to a new file, also while the service runs
    ///
    /// A running service copies its data, for which it needs as much free space again in
    /// `DATA_DIR`; requests wait meanwhile. Run it as the user of the service, with the same
    /// `DATA_DIR`, and `PORT` or `ADMIN_SOCKET`.
    Backup {
        /// File to write; it contains secrets
        file: PathBuf,
    },
    /// Create the data of the embedded mode from a file that `mdl backup` has written
    ///
    /// `DATA_DIR` must be empty. A newer version of mdl migrates the data at its start.
    Restore {
        /// File to read
        file: PathBuf,
    },
    /// Copy everything from the embedded database to a PostgreSQL server, while no service uses it
    ///
    /// Users, sessions, API keys, the catalogue with its versions, the audit log: all rows in one
    /// transaction, compared at the end. The target must be empty and have the schema of this
    /// version (`mdl migrate`); connect as its owner. `DATA_DIR` stays as it is.
    #[command(after_help = "Example:\n  DATABASE_URL_FILE=/etc/mdl/secrets/owner-database-url \\
                            mdl move --secrets ./secrets")]
    Move {
        /// Target without a password; not set: `DATABASE_URL`
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// New folder for the files jwt-secret and jwt-refresh-secret, with which users stay logged
        /// in
        #[arg(long, value_name = "FOLDER")]
        secrets: Option<PathBuf>,
    },
    /// List the versions of a metric or business domain, newest first
    #[command(after_help = "Example:\n  mdl log customer_churn_rate --limit 5")]
    Log(LogArguments),
    /// Print a version of a metric or business domain, or its present state
    #[command(after_help = "Example:\n  mdl show customer_churn_rate@1.0.0 > before.yaml")]
    Show(ShowArguments),
    /// Compare the catalogue with a file, or two versions, field by field
    ///
    /// Exits with 0 if they are equal, 1 if they differ, and 2 if they could not be compared. The
    /// database is not changed.
    #[command(
        after_help = "Examples:\n  mdl diff catalogue.yaml\n  mdl diff customer_churn_rate@1.0.0 \
                      customer_churn_rate@1.1.0"
    )]
    Diff(DiffArguments),
    /// Print a valid metric, domain or catalogue with the required fields, for POST or `mdl import`
    Example {
        /// What to print; a metric needs the domain that `mdl example domain` prints
        #[arg(value_enum)]
        item: ExampleItem,
        /// Format of the output; only a catalogue can be imported as YAML, POST takes JSON
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
        /// Also print the fields that may be left out
        #[arg(long)]
        full: bool,
    },
    /// Manage administrators, directly in the database
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Show or control the circuit breakers of a running service, over its local socket; works
    /// while the database is unavailable. Exits with 3 if a shown circuit is not closed
    Circuits(CircuitsArguments),
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

/// Arguments of `mdl circuits`.
#[derive(Clone, Debug, Args)]
pub struct CircuitsArguments {
    /// What to do
    #[arg(value_enum, default_value_t = CircuitsAction::Status)]
    pub action: CircuitsAction,
    /// metrics, domains, auth, `api_keys` or all [default for status: all]
    #[arg(value_name = "CIRCUIT")]
    pub circuit: Option<String>,
    /// Reason for the log and the audit log
    #[arg(long, default_value = "mdl circuits")]
    pub reason: String,
    /// Print the response of the service as JSON
    #[arg(long)]
    pub json: bool,
    /// Use the service at this address instead of the local socket; `MDL_TOKEN` or `MDL_TOKEN_FILE`
    /// holds an administrator's access token or API key
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Actions of `mdl circuits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, AsRefStr)]
#[strum(serialize_all = "lowercase")]
pub enum CircuitsAction {
    /// Show state and cause
    Status,
    /// Refuse all calls until close or reset
    Isolate,
    /// Permit calls again; failures are counted on
    Close,
    /// Permit calls again and discard all counts
    Reset,
}

/// What `mdl example` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExampleItem {
    Metric,
    Domain,
    Catalogue,
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
