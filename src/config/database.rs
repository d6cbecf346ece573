//! Settings of the database: `PostgreSQL` by URL, or the embedded database in a folder.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use secrecy::SecretString;

use crate::config::error::ConfigError;
use crate::config::non_empty::non_empty;

/// Which database is used, and its connection pool.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// Value of `DATABASE_URL`.
    #[arg(skip)]
    pub database_url: Option<SecretString>,
    /// Value of `DATABASE_READ_URL`.
    #[arg(skip)]
    pub database_read_url: Option<SecretString>,
    /// Folder of the embedded database and its secrets
    #[arg(long, env, global = true, default_value = "./data", value_name = "DATA_DIR")]
    pub data_dir: PathBuf,
    /// Maximum pool size
    #[arg(long, env, global = true, default_value_t = 10, value_name = "DB_POOL_MAX",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub db_pool_max: u32,
    /// Minimum pool size: connections kept open when idle
    #[arg(long, env, global = true, default_value_t = 2, value_name = "DB_POOL_MIN",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub db_pool_min: u32,
    /// Timeout for getting a connection, in milliseconds
    #[arg(long, env, global = true, default_value_t = 2000, value_name = "DB_CONNECTION_TIMEOUT",
          value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub db_connection_timeout: u64,
    /// Announce changes to the other processes by NOTIFY, and listen to theirs; false: they are
    /// noticed by polling alone
    #[arg(long, env, global = true, default_value_t = true, action = ArgAction::Set,
          value_name = "NOTIFY_ENABLED")]
    pub notify_enabled: bool,
    /// Interval in which changes of the other processes are polled, in milliseconds
    #[arg(long, env, global = true, default_value_t = 1000, value_name = "EPOCH_POLL_INTERVAL",
          value_parser = clap::value_parser!(u64).range(100..=2000))]
    pub epoch_poll_interval: u64,
}

impl DatabaseConfig {
    /// URL of the database; `None` for the embedded one.
    pub fn url(&self) -> Option<&SecretString> {
        non_empty(self.database_url.as_ref())
    }

    /// URL of a standby for reads; `None` if there is none.
    pub fn read_url(&self) -> Option<&SecretString> {
        non_empty(self.database_read_url.as_ref())
    }

    /// Timeout for getting a connection.
    pub fn connection_timeout(&self) -> Duration {
        Duration::from_millis(self.db_connection_timeout)
    }

    /// Interval in which the epochs are polled.
    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.epoch_poll_interval)
    }

    /// Checks the pool sizes, and that this build has the database.
    ///
    /// # Errors
    /// When a variable cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.db_pool_min > self.db_pool_max {
            return Err(ConfigError::new("DB_POOL_MIN", "must not be greater than DB_POOL_MAX"));
        }
        if self.url().is_none() && self.read_url().is_some() {
            return Err(ConfigError::new("DATABASE_READ_URL", "requires DATABASE_URL"));
        }
        if self.url().is_none() && !cfg!(feature = "embedded") {
            return Err(ConfigError::new(
                "DATABASE_URL",
                "is required: this build has no embedded database",
            ));
        }
        Ok(())
    }
}
